/**
 * The order of one message's events at one endpoint. Those that wait in delay tiers are known by name, in their order;
 * an event may be posted when every one before it has been, or is about to be in front of it.
 */

/** Where an event goes that has come. */
export type Place =
  /** Behind those of its message that are in hand. */
  | 'in hand'
  /** Back into a delay tier: one before it is still in one. */
  | 'behind'
  /** Nobody waits for it: it was posted before. */
  | 'again';

/**
 * @param waiting events of the message in delay tiers, in order; those in hand that came from there included
 * @param inHand events of the message in hand, in order
 * @param returned whether it comes from a delay tier
 */
export const placeOf = (
  eventId: string,
  returned: boolean,
  waiting: readonly string[],
  inHand: ReadonlySet<string>,
): Place => {
  if (inHand.has(eventId)) return 'again';
  const at = waiting.indexOf(eventId);
  if (at === -1 && returned) return 'again';
  const before = at === -1 ? waiting : waiting.slice(0, at);
  return before.every((id) => inHand.has(id)) ? 'in hand' : 'behind';
};

/** The events that wait after these have been put off. */
export const withWaiting = (waiting: readonly string[], eventIds: readonly string[]): readonly string[] => [
  ...waiting,
  ...eventIds.filter((id) => !waiting.includes(id)),
];
