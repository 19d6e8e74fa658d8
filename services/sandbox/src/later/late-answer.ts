/** What an ISP does with a mail after it has taken it: which answer comes back, by the recipient's name or by chance. Pure. */
import type { Behaviour } from '../behaviour.ts';

/** How a bounce that comes later is written. */
export const bounceStyles = ['postfix', 'exchange', 'exim', 'qmail'] as const;
export type BounceStyle = (typeof bounceStyles)[number];

export type LateAnswer =
  | { readonly kind: 'bounce'; readonly style: BounceStyle; readonly hard: boolean }
  | { readonly kind: 'complaint' }
  | { readonly kind: 'auto_reply' }
  | { readonly kind: 'one_click' }
  | { readonly kind: 'mailto_unsubscribe' };

/** Names of recipients that say it, as the other magic words: anything may follow after `+`. */
export const lateWords = {
  latebounce:
    'accepted, then bounced for an unknown user; in turns as Postfix, Exchange, Exim and qmail write it',
  latefull: 'accepted, then bounced for a full mailbox',
  complain: 'accepted, then reported as spam (ARF)',
  vacation: 'accepted, then answered by a vacation notice',
  oneclick: 'accepted, then unsubscribed by List-Unsubscribe-Post',
  mailtounsub: 'accepted, then unsubscribed by mail',
} as const;

const pattern = new RegExp(`^(${Object.keys(lateWords).join('|')})(?:\\+.*)?@`, 'i');

/** What the recipient's name asks for; undefined for everybody else. `turn`: a number that goes up. */
export const askedAnswer = (recipient: string, turn: number): LateAnswer | undefined => {
  const style = bounceStyles[turn % bounceStyles.length] ?? 'postfix';
  switch (pattern.exec(recipient)?.[1]?.toLowerCase()) {
    case 'latebounce':
      return { kind: 'bounce', style, hard: true };
    case 'latefull':
      return { kind: 'bounce', style, hard: false };
    case 'complain':
      return { kind: 'complaint' };
    case 'vacation':
      return { kind: 'auto_reply' };
    case 'oneclick':
      return { kind: 'one_click' };
    case 'mailtounsub':
      return { kind: 'mailto_unsubscribe' };
    default:
      return undefined;
  }
};

type Shares = Pick<
  Behaviour,
  | 'late_bounce_share'
  | 'complaint_share'
  | 'one_click_share'
  | 'mailto_unsubscribe_share'
  | 'auto_reply_share'
>;

/** What chance says: at most one answer a mail. `drawn`: 0 to 1. */
export const drawnAnswer = (drawn: number, shares: Shares, turn: number): LateAnswer | undefined => {
  let left = drawn;
  const within = (share: number): boolean => {
    left -= share;
    return left < 0;
  };
  if (within(shares.late_bounce_share)) {
    const style = bounceStyles[turn % bounceStyles.length] ?? 'postfix';
    return { kind: 'bounce', style, hard: true };
  }
  if (within(shares.complaint_share)) return { kind: 'complaint' };
  if (within(shares.one_click_share)) return { kind: 'one_click' };
  if (within(shares.mailto_unsubscribe_share)) return { kind: 'mailto_unsubscribe' };
  if (within(shares.auto_reply_share)) return { kind: 'auto_reply' };
  return undefined;
};
