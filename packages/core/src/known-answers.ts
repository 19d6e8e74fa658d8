/** Words by which providers say what their codes leave open, from their postmaster pages and the logs of many. */
import type { ReplyCategory } from './classify-reply.ts';

interface KnownAnswer {
  readonly pattern: RegExp;
  readonly category: ReplyCategory;
  /** Only in replies of this class: the same words are said of other things in the other one. */
  readonly codeClass?: 4 | 5;
}

/** The first that matches decides: what is special stands before what is general. */
const knownAnswers: readonly KnownAnswer[] = [
  // Sender not authenticated.
  {
    pattern: /\bunauthenticated\b|not authenticated|pass authentication checks/i,
    category: 'authentication',
  },
  {
    pattern: /required authentication level|dmarc|\bspf\b.*(?:fail|check)|\bdkim\b.*fail/i,
    category: 'authentication',
  },
  {
    pattern: /no PTR record|reverse DNS (?:lookup|entry)|does not have a PTR|rDNS/i,
    category: 'authentication',
  },

  // TLS.
  {
    pattern: /must issue a STARTTLS|TLS (?:is )?required|requires? (?:TLS|encryption|STARTTLS)/i,
    category: 'tls_failed',
  },

  // The sending address or domain is on a list.
  { pattern: /\(S31(?:40|50)\)|on our block list|\bS31[45]0\b/i, category: 'ip_listed' },
  {
    pattern: /\[BL2[0-9]\]|\bBL0000\d\d\b(?=.*block)|is in Spamhaus|Comcast block for spam/i,
    category: 'ip_listed',
  },
  { pattern: /banned sending IP|banned sender/i, category: 'ip_listed' },
  { pattern: /\b(?:DBL|SURBL|URIBL)\b|domain (?:is )?(?:block|black)?listed/i, category: 'domain_listed' },
  {
    pattern:
      /spamhaus|spamcop|barracudacentral|\bRBL\b|\bDNSBL\b|block ?list|blacklist|\bIPTS0[45]\b|blocked - see/i,
    category: 'ip_listed',
    codeClass: 5,
  },

  // Too fast.
  { pattern: /\[(?:TS0[1-4]|TSS0[45]|IPTS0[45])\]/, category: 'rate_limited' },
  { pattern: /\bRL0000\d\d\b|\bRP-00[1-3]\b|OFR_?(?:004_)?(?:104|999)\b/, category: 'rate_limited' },
  {
    pattern: /unusual (?:rate|amount) of|rate limit|receiving mail (?:at a rate|too quickly)/i,
    category: 'rate_limited',
  },
  {
    pattern:
      /too many (?:concurrent |simultaneous )?(?:connections|sessions|messages|mails?\b)|too much mail/i,
    category: 'rate_limited',
  },
  {
    pattern:
      /concurrent connections|max(?:imum)? messages? per connection|submission rate|sending rate|throttl|slow down|temporarily deferred|\bCS01\b|\bHM07\b/i,
    category: 'rate_limited',
    codeClass: 4,
  },
  { pattern: /try again later, closing connection/i, category: 'rate_limited', codeClass: 4 },

  // Greylisting, RFC 6647.
  { pattern: /gr[ea]y-?list|DOC-1369#451/i, category: 'greylisted', codeClass: 4 },
  { pattern: /first attempt|try again in \d+ (?:s|min)/i, category: 'greylisted', codeClass: 4 },

  // Mailbox.
  {
    pattern:
      /over ?-?quota|out of storage|mailbox (?:is )?full|quota exceeded|exceeded (?:its |storage )?quota/i,
    category: 'mailbox_full',
  },
  { pattern: /boite du destinataire pleine|insufficient mailbox/i, category: 'mailbox_full' },
  {
    pattern:
      /user (?:is )?unknown|unknown user|no such (?:user|mailbox|recipient)|(?:user|account|recipient|address)[^.]{0,60}does(?:n't| not) exist|doesn't have a \S+ account/i,
    category: 'invalid_recipient',
  },
  {
    pattern:
      /not our customer|invalid (?:recipient|mailbox|address|user)|adresse d.{0,40}invalide|(?:recipient|user|mailbox|account|address) (?:was )?not found|recipient address rejected: (?:user|access denied)|mailbox (?:name )?(?:unavailable|not allowed)|unrout(?:e)?able address|unknown (?:local )?(?:user|recipient|address|mailbox)|no mailbox (?:here|by)|not a valid (?:user|mailbox|recipient|address)/i,
    category: 'invalid_recipient',
    codeClass: 5,
  },
  { pattern: /\bDOC-1369#550\b/, category: 'invalid_recipient', codeClass: 5 },
  {
    pattern:
      /account (?:that you tried to reach )?is (?:inactive|disabled|suspended)|mailbox (?:is )?(?:disabled|inactive)|mailbox cannot be accessed|account (?:has been )?(?:disabled|suspended)/i,
    category: 'inactive',
  },
  {
    pattern:
      /relay(?:ing)? (?:access )?(?:is )?(?:denied|not permitted|not allowed|prohibited)|unable to relay/i,
    category: 'relaying_denied',
  },
  {
    pattern: /(?:message|size|mail) (?:size )?(?:is )?(?:too (?:large|big)|exceeds)/i,
    category: 'message_too_large',
  },

  // Content and standing.
  {
    pattern:
      /likely unsolicited|rejected as spam|\bAS\(9\d\d\)|content filter|looks like spam|spam (?:message|content|detected)|\bOFR_506\b|URL bloqu/i,
    category: 'spam_content',
    codeClass: 5,
  },
  { pattern: /reputation|\[?\bHM08\b/i, category: 'reputation' },
  { pattern: /virus|malware|attachment type|security polic/i, category: 'content_rejected', codeClass: 5 },
  { pattern: /policy reasons|policy restrictions|local policy/i, category: 'policy', codeClass: 5 },

  // The server's own trouble.
  {
    pattern: /insufficient (?:system )?(?:storage|resources)|system storage/i,
    category: 'server_busy',
    codeClass: 4,
  },
  {
    pattern: /server (?:is )?(?:too )?busy|service (?:temporarily )?unavailable|temporar(?:y|ily)/i,
    category: 'server_busy',
    codeClass: 4,
  },
];

/** Characters of a reply that are looked at: a stranger wrote it. */
const mostWords = 1_000;

/** The category that the words of a reply give away; undefined: they are not known. */
export const knownAnswer = (text: string, code: number): ReplyCategory | undefined => {
  const codeClass = Math.floor(code / 100);
  const words = text.slice(0, mostWords);
  return knownAnswers.find(
    (answer) => (answer.codeClass ?? codeClass) === codeClass && answer.pattern.test(words),
  )?.category;
};
