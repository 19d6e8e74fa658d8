import type { Wording } from './wording.ts';

/** What a recipient's local part asks the sandbox to do, at every ISP. */
export type MagicAction =
  | { readonly kind: 'reply'; readonly situation: keyof Wording & MagicSituation }
  | { readonly kind: 'defer_times'; readonly times: number }
  | { readonly kind: 'drop_before_reply' }
  | { readonly kind: 'drop_mid_data' }
  | { readonly kind: 'slow'; readonly afterDotMs: number };

type MagicSituation =
  | 'unknown_user'
  | 'mailbox_full'
  | 'disabled_user'
  | 'deferred'
  | 'greylisted'
  | 'blocked'
  | 'spam';

/**
 * The words and what they do. Anything may follow after `+`, so that addresses stay distinct: `bounce+17@gmail.com`.
 * `defer-3@` is deferred three times and then accepted; `slow-500@` gets its reply 500 ms after the dot.
 */
export const magicWords = {
  bounce: 'unknown user, 5xx',
  unknown: 'unknown user, 5xx',
  disabled: 'disabled mailbox, 5xx',
  full: 'mailbox full, 4xx',
  defer: 'deferred at every try, 4xx; defer-3: three times, then accepted',
  greylist: 'greylisted at every try, 4xx',
  blocked: 'the source IP is blocked, 5xx',
  spam: 'rejected as spam after the dot, 5xx',
  drop: 'accepted, then the connection is cut before the reply',
  cut: 'the connection is cut in the middle of DATA',
  slow: 'reply to the dot after 2 s; slow-500: after 500 ms',
} as const;

const pattern = new RegExp(`^(${Object.keys(magicWords).join('|')})(?:-(\\d{1,5}))?(?:\\+.*)?$`, 'i');

/** The action of a recipient, undefined for everybody else. */
export function magicActionOf(recipient: string): MagicAction | undefined {
  const at = recipient.lastIndexOf('@');
  const match = pattern.exec(recipient.slice(0, at));
  if (!match) return undefined;
  const number = match[2] === undefined ? undefined : Number(match[2]);
  switch (match[1]?.toLowerCase()) {
    case 'bounce':
    case 'unknown':
      return { kind: 'reply', situation: 'unknown_user' };
    case 'disabled':
      return { kind: 'reply', situation: 'disabled_user' };
    case 'full':
      return { kind: 'reply', situation: 'mailbox_full' };
    case 'defer':
      return number === undefined
        ? { kind: 'reply', situation: 'deferred' }
        : { kind: 'defer_times', times: number };
    case 'greylist':
      return { kind: 'reply', situation: 'greylisted' };
    case 'blocked':
      return { kind: 'reply', situation: 'blocked' };
    case 'spam':
      return { kind: 'reply', situation: 'spam' };
    case 'drop':
      return { kind: 'drop_before_reply' };
    case 'cut':
      return { kind: 'drop_mid_data' };
    default:
      return { kind: 'slow', afterDotMs: number ?? 2_000 };
  }
}
