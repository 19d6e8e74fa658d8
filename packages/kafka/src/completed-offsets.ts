/**
 * Finished offsets above a committed one, as text for the commit's metadata, of which Kafka keeps 4,096 bytes:
 * `m1:` and base64url of run lengths as varints, alternately unfinished and finished, from the committed offset on.
 * What does not fit is left out from the end: those records are handed out again, and the journal knows them.
 */

const mark = 'm1:';
/** Kafka's default of offset.metadata.max.bytes. */
export const maxMetadataBytes = 4_096;
const maxRunBytes = Math.floor(((maxMetadataBytes - mark.length) / 4) * 3);

/** `completed` rises and lies at or above `committed`. '' where there is none. */
export function encodeCompleted(committed: number, completed: Iterable<number>): string {
  const bytes: number[] = [];
  let runStart = committed;
  let runEnd = committed;
  let full = false;
  const push = (value: number): void => {
    let rest = value;
    while (rest >= 128) {
      bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
  };
  let previousEnd = committed;
  const closeRun = (): void => {
    if (runEnd === runStart) return;
    const length = bytes.length;
    push(runStart - previousEnd);
    push(runEnd - runStart);
    if (bytes.length > maxRunBytes) {
      bytes.length = length;
      full = true;
    }
    previousEnd = runEnd;
  };
  for (const offset of completed) {
    if (offset < runEnd) continue;
    if (offset === runEnd && runEnd > runStart) {
      runEnd = offset + 1;
      continue;
    }
    closeRun();
    if (full) break;
    runStart = offset;
    runEnd = offset + 1;
  }
  if (!full) closeRun();
  return bytes.length === 0 ? '' : mark + Buffer.from(bytes).toString('base64url');
}

/** Finished runs `[from, to)` that a commit's metadata names; none for a text of anybody else. */
export function decodeCompleted(
  committed: number,
  metadata: string | null,
): readonly (readonly [number, number])[] {
  if (metadata === null || !metadata.startsWith(mark)) return [];
  const bytes = Buffer.from(metadata.slice(mark.length), 'base64url');
  const lengths: number[] = [];
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte >= 128) continue;
    lengths.push(value);
    value = 0;
    scale = 1;
  }
  const runs: (readonly [number, number])[] = [];
  let position = committed;
  for (let index = 0; index + 1 < lengths.length; index += 2) {
    const from = position + (lengths[index] ?? 0);
    position = from + (lengths[index + 1] ?? 0);
    if (!Number.isSafeInteger(position)) return [];
    runs.push([from, position]);
  }
  return runs;
}
