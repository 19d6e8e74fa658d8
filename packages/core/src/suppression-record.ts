/** A record of mail.suppressions on its way into an index. */
import { parseSuppressionKey } from './record-keys.ts';
import { type SuppressionIndex, suppressionReason } from './suppression-index.ts';

/** What of a Suppression record is kept. */
export interface SuppressionRecord {
  readonly reason: string;
  readonly streams: readonly string[];
  /** ms since the epoch; null: never. */
  readonly expires_at: number | null;
}

/** Takes a change in; null: it was removed. A key that is none of ours changes nothing. */
export const applySuppression = (
  index: SuppressionIndex,
  key: string,
  record: SuppressionRecord | null,
): void => {
  const named = parseSuppressionKey(key);
  if (named === undefined) return;
  const { tenant, address, list } = named;
  if (record === null) index.delete(tenant, address, list);
  else {
    index.set(tenant, address, {
      reason: suppressionReason(record.reason),
      streams: record.streams,
      expiresAt: record.expires_at,
      list,
    });
  }
};
