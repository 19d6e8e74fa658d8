// The sandbox's page: providers with live counters, mails, and one mail in full. Plain DOM, no dependencies.

const byId = (id) => document.getElementById(id);
const listLimit = 100;
const state = { isp: '', search: '', selected: '', tab: 'html', accepted: -1, mails: new Map() };

/** An element with text or children; values from mails only ever become text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const number = new Intl.NumberFormat('en');
const clock = (epochMs) => new Date(epochMs).toLocaleTimeString('en-GB');

// Providers

function sparkline(perSecond) {
  const top = Math.max(1, ...perSecond);
  const bars = perSecond
    .map((value, index) => {
      const height = Math.max(2, (value / top) * 18);
      return value === 0 ? '' : `M${index} 18v-${height}h0.85V18z`;
    })
    .join('');
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', `0 0 ${perSecond.length} 18`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', bars);
  svg.append(path);
  return svg;
}

function detailOf(isp) {
  const detail = element('span', { class: 'detail' });
  const parts = [`${isp.open} open`];
  if (isp.accepted > 0) parts.push(`${Math.round((100 * isp.tls) / isp.accepted)} % TLS`);
  detail.append(parts.join(' · '));
  if (isp.deferred > 0) {
    detail.append(' · ', element('span', { class: 'deferred' }, `${number.format(isp.deferred)} deferred`));
  }
  if (isp.rejected + isp.dropped > 0) {
    const failed = number.format(isp.rejected + isp.dropped);
    detail.append(' · ', element('span', { class: 'rejected' }, `${failed} rejected`));
  }
  return detail;
}

function showIsps(isps) {
  const sum = (key) => isps.reduce((total, isp) => total + isp[key], 0);
  const total = {
    name: '',
    label: 'All providers',
    accepted: sum('accepted'),
    open: sum('open'),
    tls: sum('tls'),
    deferred: sum('deferred'),
    rejected: sum('rejected'),
    dropped: sum('dropped'),
    per_second: Array.from({ length: 60 }, (_, second) =>
      isps.reduce((count, isp) => count + isp.per_second[second], 0),
    ),
  };
  const focused = document.activeElement?.dataset?.isp;
  const items = [total, ...isps].map((isp) => {
    const button = element(
      'button',
      { type: 'button', 'data-isp': isp.name, 'aria-pressed': String(state.isp === isp.name) },
      element('span', { class: 'name' }, isp.label),
      sparkline(isp.per_second),
      element('span', { class: 'count' }, number.format(isp.accepted)),
    );
    const quiet = isp.accepted + isp.open + isp.deferred + isp.rejected + isp.dropped === 0;
    if (quiet && isp.name !== '') button.classList.add('idle');
    else button.append(detailOf(isp));
    return element('li', {}, button);
  });
  byId('isps').replaceChildren(...items);
  if (focused !== undefined) byId('isps').querySelector(`[data-isp="${focused}"]`)?.focus();
  byId('fact-rate').textContent = number.format(total.per_second.at(-2) ?? 0);
}

byId('isps').addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  state.isp = button.dataset.isp;
  for (const other of byId('isps').querySelectorAll('button')) {
    other.setAttribute('aria-pressed', String(other === button));
  }
  loadMails();
});

// Mails

let listing = 0;
async function loadMails() {
  const run = ++listing;
  const query = new URLSearchParams({ limit: listLimit, raw: 'false' });
  if (state.isp) query.set('isp', state.isp);
  if (state.search) query.set('search', state.search);
  const answer = await fetch(`/messages?${query}`);
  const { messages } = await answer.json();
  if (run !== listing) return;
  state.mails = new Map(messages.map((mail) => [mail.id, mail]));
  const items = messages.map((mail) =>
    element(
      'li',
      {},
      element(
        'button',
        { type: 'button', 'data-id': mail.id, 'aria-current': String(mail.id === state.selected) },
        element('span', { class: 'to' }, mail.envelope.rcpt_to.join(', ')),
        element('time', { datetime: new Date(mail.received_at).toISOString() }, clock(mail.received_at)),
        element('span', { class: 'subject' }, mail.subject ?? '(no subject)'),
        element('span', { class: 'tag' }, mail.isp),
      ),
    ),
  );
  byId('mails').replaceChildren(...items);
  const hint = byId('mails-hint');
  hint.hidden = messages.length > 0 && messages.length < listLimit;
  hint.textContent =
    messages.length === 0
      ? state.search || state.isp
        ? 'No mail matches.'
        : 'No mail yet.'
      : `The newest ${listLimit} are shown; search for others.`;
}

byId('mails').addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button) select(button.dataset.id);
});

let typing;
byId('search').addEventListener('input', (event) => {
  state.search = event.target.value.trim();
  clearTimeout(typing);
  typing = setTimeout(loadMails, 120);
});

// One mail

const badge = (label, kind, title = '') => element('li', { class: kind, title }, label);
const kindOf = (result) =>
  result === 'pass' ? 'good' : ['fail', 'permerror', 'softfail'].includes(result) ? 'bad' : 'warn';

function badgesOf(mail) {
  const { auth, tls } = mail;
  const badges = [tls ? badge(tls.protocol, 'good', tls.cipher) : badge('no TLS', 'bad')];
  if (auth.state !== 'done') {
    badges.push(badge(auth.state === 'pending' ? 'checks are running' : 'not checked', ''));
    return badges;
  }
  if (auth.spf) badges.push(badge(`SPF ${auth.spf.result}`, kindOf(auth.spf.result), auth.spf.domain));
  for (const signature of auth.dkim ?? []) {
    const title = `${signature.algorithm} s=${signature.selector}${signature.aligned ? ', aligned' : ', not aligned'} ${signature.comment ?? ''}`;
    badges.push(badge(`DKIM ${signature.result} ${signature.domain}`, kindOf(signature.result), title));
  }
  if ((auth.dkim ?? []).length === 0) badges.push(badge('no DKIM signature', 'warn'));
  if (auth.dmarc) {
    const policy = auth.dmarc.policy ? ` (p=${auth.dmarc.policy})` : '';
    badges.push(badge(`DMARC ${auth.dmarc.result}${policy}`, kindOf(auth.dmarc.result), auth.dmarc.domain));
  }
  return badges;
}

function definitions(pairs) {
  return pairs.flatMap(([term, text]) => [element('dt', {}, term), element('dd', {}, text)]);
}

async function select(id) {
  const [answer, rendered] = await Promise.all([
    fetch(`/messages/${encodeURIComponent(id)}`),
    fetch(`/messages/${encodeURIComponent(id)}/rendered`),
  ]);
  if (!answer.ok) {
    await loadMails();
    return;
  }
  const mail = await answer.json();
  const content = await rendered.json();
  state.selected = id;
  for (const button of byId('mails').querySelectorAll('button')) {
    button.setAttribute('aria-current', String(button.dataset.id === id));
  }
  byId('nothing').hidden = true;
  byId('shown').hidden = false;
  byId('mail-subject').textContent = mail.subject ?? '(no subject)';
  const header = (name) => mail.headers.find((field) => field.name.toLowerCase() === name)?.value ?? '';
  byId('mail-envelope').replaceChildren(
    ...definitions([
      ['From', header('from') || mail.envelope.mail_from],
      ['To', mail.envelope.rcpt_to.join(', ')],
      ['Received', `${new Date(mail.received_at).toLocaleString('en-GB')} by ${mail.mx_host}`],
    ]),
  );
  byId('mail-badges').replaceChildren(...badgesOf(mail));
  const download = byId('mail-download');
  download.href = `/messages/${encodeURIComponent(id)}/raw`;
  download.setAttribute('download', `${id}.eml`);
  views.current = { mail, content };
  byId('tab-html').disabled = content.html === null;
  byId('tab-text').disabled = content.text === null;
  showTab(state.tab);
  if (mail.auth.state === 'pending') setTimeout(() => state.selected === id && select(id), 500);
}

const views = {
  current: undefined,
  html: ({ mail }) =>
    element('iframe', {
      sandbox: '',
      title: 'The mail as HTML',
      src: `/messages/${encodeURIComponent(mail.id)}/html`,
    }),
  text: ({ content }) => element('pre', {}, content.text ?? ''),
  headers: ({ mail }) =>
    element(
      'table',
      {},
      element(
        'tbody',
        {},
        ...mail.headers.map((field) =>
          element('tr', {}, element('th', { scope: 'row' }, field.name), element('td', {}, field.value)),
        ),
      ),
    ),
  source: ({ mail }) => element('pre', {}, mail.raw ?? 'The source is not kept.'),
  facts: ({ mail, content }) =>
    element(
      'dl',
      { class: 'facts-table' },
      ...definitions([
        ['MAIL FROM', mail.envelope.mail_from || '<>'],
        ['RCPT TO', mail.envelope.rcpt_to.join(', ')],
        ['Parameters', mail.mail_parameters.join(' ') || 'none'],
        ['MX host', `${mail.mx_host} (${mail.isp})`],
        ['Client', `${mail.client.address}:${mail.client.port}, EHLO ${mail.client.ehlo}`],
        ['Mail of its connection', String(mail.mail_of_connection)],
        [
          'TLS',
          mail.tls
            ? `${mail.tls.protocol}, ${mail.tls.cipher}, SNI ${mail.tls.server_name ?? 'none'}`
            : 'none',
        ],
        ['Size', `${number.format(mail.size)} bytes`],
        ['Received', new Date(mail.received_at).toISOString()],
        ['Message-ID', mail.message_id ?? 'none'],
        [
          'Attachments',
          content.attachments
            .map((file) => `${file.filename} (${file.type}, ${number.format(file.size)} bytes)`)
            .join(', ') || 'none',
        ],
      ]),
    ),
};

const tabs = ['html', 'text', 'headers', 'source', 'facts'];

function showTab(wanted) {
  const tab = byId(`tab-${wanted}`).disabled ? tabs.find((name) => !byId(`tab-${name}`).disabled) : wanted;
  for (const name of tabs) {
    byId(`tab-${name}`).setAttribute('aria-selected', String(name === tab));
    byId(`tab-${name}`).tabIndex = name === tab ? 0 : -1;
  }
  byId('view').setAttribute('aria-labelledby', `tab-${tab}`);
  byId('view').replaceChildren(views[tab](views.current));
}

for (const name of tabs) {
  byId(`tab-${name}`).addEventListener('click', () => {
    state.tab = name;
    showTab(name);
  });
  byId(`tab-${name}`).addEventListener('keydown', (event) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const enabled = tabs.filter((other) => !byId(`tab-${other}`).disabled);
    const next = enabled.at((enabled.indexOf(name) + step) % enabled.length);
    byId(`tab-${next}`).focus();
    byId(`tab-${next}`).click();
  });
}

// What is going on

byId('clear').addEventListener('click', async () => {
  await fetch('/messages', { method: 'DELETE' });
  state.selected = '';
  byId('shown').hidden = true;
  byId('nothing').hidden = false;
  await loadMails();
});

const live = byId('live');
const events = new EventSource('/live');
events.addEventListener('open', () => {
  live.dataset.state = 'live';
  live.textContent = 'live';
});
events.addEventListener('error', () => {
  live.dataset.state = 'lost';
  live.textContent = 'the sandbox is not there';
});
events.addEventListener('message', (event) => {
  const overview = JSON.parse(event.data);
  byId('fact-accepted').textContent = number.format(overview.accepted);
  showIsps(overview.isps);
  if (overview.accepted === state.accepted) return;
  state.accepted = overview.accepted;
  loadMails();
});

const about = await (await fetch('/about')).json();
for (const id of ['fact-smtp', 'nothing-smtp']) byId(id).textContent = about.smtp_port;
for (const id of ['fact-dns', 'nothing-dns']) byId(id).textContent = about.dns_server;
byId('magic').replaceChildren(
  ...definitions(Object.entries(about.magic_recipients).map(([word, meaning]) => [`${word}@`, meaning])),
);
