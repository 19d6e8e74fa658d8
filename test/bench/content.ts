/** What the benchmarks send: 10 KB mails to ten domains. */

/** Two that many write to, and whose servers are one lane each; three more providers; five of the long tail. */
export const domains: readonly string[] = [
  'gmail.com',
  'yahoo.com',
  'outlook.com',
  'icloud.com',
  'comcast.net',
  'tail-01.test',
  'tail-02.test',
  'tail-03.test',
  'tail-04.test',
  'tail-05.test',
];

export const sender = 'news@millrace.test';

/** A recipient that no other number has; numbers go round the domains. */
export const recipientOf = (name: string, number: number): string =>
  `${name}-${number}@${domains[number % domains.length]}`;

const paragraph =
  'The mill has run through the night and what came down the race is flour now; the sacks stand at the door with your name on them.';

/** Renders to a mail of 10 KB, with variables in subject, text and HTML, a condition and a loop. */
export const template = {
  language: 'liquid',
  subject: '{{ name }}, your order {{ order }} is on its way',
  text: `Hello {{ name }},\n\nyour order {{ order }} is on its way:\n{% for item in items %}- {{ item.title }}: {{ item.price }}\n{% endfor %}\n${`${paragraph}\n`.repeat(8)}`,
  html: `<!doctype html><html><body><h1>Hello {{ name }}</h1>{% if vip %}<p>As always, first of all.</p>{% endif %}
<p>Your order <b>{{ order }}</b> is on its way:</p><ul>{% for item in items %}<li>{{ item.title }}: {{ item.price }}</li>{% endfor %}</ul>
${`<p style="margin:0 0 12px;font:16px/1.5 sans-serif">${paragraph}</p>\n`.repeat(41)}<p>Track it: <a href="https://millrace.test/o/{{ order }}">{{ order }}</a></p></body></html>`,
};

export const variablesOf = (number: number) => ({
  name: `Reader ${number}`,
  order: `M-${100_000 + number}`,
  vip: number % 3 === 0,
  items: [
    { title: 'Rye flour <fine>', price: '4.20' },
    { title: 'Spelt & oats', price: '7.90' },
  ],
});

const line = 'The mill has run through the night, and what came down the race is flour now: sacks.';

/** Once: what hands mails over takes of the same two cores. */
const rawBody = `${line}\r\n`.repeat(115);

/** A whole message of 10 KB, CRLF line ends, as an application would hand it over. */
export const rawMessage = (to: string, number: number): string =>
  [
    `From: Millrace <${sender}>`,
    `To: <${to}>`,
    `Subject: Your order M-${number}`,
    'Date: Tue, 24 Nov 2026 12:00:00 +0000',
    `Message-ID: <bench-${number}-${to}>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    rawBody,
  ].join('\r\n');

/** Of the batch stream, to that recipient, 1 KB of text. */
export const plainMail = (to: string, number: number) => ({
  to,
  body: {
    from: sender,
    to: [to],
    subject: `Your order M-${100_000 + number}`,
    text: `${paragraph}\n`.repeat(8),
    stream: 'batch',
  },
});
