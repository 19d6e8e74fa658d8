/** Addresses in text that strangers wrote: found, and brought into one form. */

/**
 * An address in running text: it begins where a word does, so that a long run of letters is tried once. RFC 5321 4.1.2 without quoted local parts, UTF-8 as RFC 6531 has it.
 */
export const addressPattern =
  "(?<![\\p{L}\\p{N}_])[\\p{L}\\p{N}!#$%&'*+/=?^_`{|}~.-]{1,80}@(?:[\\p{L}\\p{N}](?:[\\p{L}\\p{N}_-]{0,62})\\.){1,8}[\\p{L}\\p{N}][\\p{L}\\p{N}-]{0,62}";

const whole = new RegExp(
  `^(?:${addressPattern}|[^\\s@<>]{1,80}@\\[[\\d.:a-fA-F]{3,45}\\]|"[^"\\r\\n]{1,80}"@[\\w.-]{3,253})$`,
  'u',
);
const anywhere = new RegExp(addressPattern, 'gu');

/** True: it has the form of an address. */
export const isAddress = (text: string): boolean => text.length <= 320 && whole.test(text);

/**
 * The address in a text of a field: without comment, name, angle brackets, quotes and source route; the domain in lower
 * case. Undefined: there is none.
 */
export const addressOf = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined;
  const short = text.slice(0, 2_000);
  const angle = /<([^<>\s]{1,320})>/.exec(short)?.[1];
  const bare = tidy(angle ?? short.replace(/\([^()]{0,200}\)/g, ' ').trim());
  if (isAddress(bare)) return normal(bare);
  anywhere.lastIndex = 0;
  const found = anywhere.exec(short)?.[0];
  return found === undefined ? undefined : normal(tidy(found));
};

/** Every address of a list field, each once. */
export const addressesOf = (text: string | undefined): readonly string[] => {
  if (text === undefined) return [];
  const found = text.slice(0, 20_000).match(anywhere) ?? [];
  return [...new Set(found.map((address) => normal(tidy(address))))].slice(0, 200);
};

const tidy = (text: string): string =>
  text
    .replace(/^(?:mailto|smtp|rfc822)[:;]/i, '')
    .replace(/^@[^:]{1,255}:/, '')
    .replace(/^['"`*.]{1,8}|['"`*.,;:]{1,8}$/g, '');

/** Domain in lower case, local part as it is. */
export const normal = (address: string): string => {
  const at = address.lastIndexOf('@');
  return at < 0 ? address : address.slice(0, at) + address.slice(at).toLowerCase();
};

/** Same mailbox, as far as anybody but its host can tell. */
export const sameAddress = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

export const localPart = (address: string): string => address.slice(0, Math.max(0, address.lastIndexOf('@')));

/** Addresses of machines that write reports, and of those who are to be asked about them: never the one that failed. */
const daemon =
  /^(?:mailer[-_.]?d(?:a?e|ae)mon|mdaemon|post[-_.]?master|mail[-_.]?daemon|double-?bounce|mail-?admin|mailadmin|mailsys|mmdf|uucp|postmast|system|root|abuse|no-?reply|do-?not-?reply|donotreply|bounces?|mailerdaemon|mail[-_.]?delivery|mail|mdeamon|dsn|ndr|delivery|microsoftexchange[0-9a-f]+|complaints|feedbackloop|fbl|staff|support|helpdesk|mailbounce)$/i;

export const isDaemon = (address: string): boolean => daemon.test(localPart(address).split('+')[0] ?? '');

const verpForms: readonly RegExp[] = [
  // bounces+user=example.org@, also with a plus in the user's name.
  /^[^=+]{1,120}\+(?<name>[^=]{1,64})=(?<domain>[A-Za-z0-9.-]{3,253})$/,
  /^(?:[^=]{0,80}[-_.])?(?:bounces?|returns?|errors?|owner|verp|delivery|b|admin|request|sentto)[-_.](?:\d{1,20}[-_.])?(?<name>[^=]{1,64})=(?<domain>[A-Za-z0-9.-]{3,253})$/i,
  /^[^=_.-]{1,60}[-_.](?<name>[^=]{1,64})=(?<domain>[A-Za-z0-9.-]{3,253})$/,
];

/** The recipient that a classic VERP address encodes: `bounces+user=example.org@lists.example`. */
export const verpRecipient = (address: string): string | undefined => {
  const local = localPart(address);
  if (!local.includes('=')) return undefined;
  for (const form of verpForms) {
    const { name, domain } = form.exec(local)?.groups ?? {};
    if (name === undefined || domain === undefined) continue;
    const recipient = `${name}@${domain.toLowerCase()}`;
    if (isAddress(recipient)) return recipient;
  }
  return undefined;
};
