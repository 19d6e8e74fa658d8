/** What an answer says about one name and type. */
import type { Answer, DecodedPacket } from 'dns-packet';
import type { DnsQuestion } from './dns-query.ts';

/** `ttl` in seconds. */
export type DnsFinding =
  | { readonly kind: 'records'; readonly values: readonly DnsValue[]; readonly ttl: number }
  /** The name exists and has no such record. */
  | { readonly kind: 'no_data'; readonly ttl: number }
  | { readonly kind: 'no_name'; readonly ttl: number }
  /** The server answered with an alias and did not follow it. */
  | { readonly kind: 'alias'; readonly target: string; readonly ttl: number }
  | { readonly kind: 'failed'; readonly reason: string };

export interface DnsValue {
  /** Address; exchange in lower case without the final dot ('' is the root); text with its strings joined (RFC 7208 3.3). */
  readonly data: string;
  /** Of an MX; 0 for everything else. */
  readonly preference: number;
}

const maxAliases = 8;
const negativeTtlSeconds = 60;
const longestNegativeTtlSeconds = 3_600;
const rcodes: Readonly<Record<number, string>> = {
  1: 'FORMERR',
  2: 'SERVFAIL',
  4: 'NOTIMP',
  5: 'REFUSED',
};

/** Lower case, without the final dot. */
export const normalName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** Reads an answer; aliases inside it are followed (RFC 1034 3.6.2). */
export function readAnswer(question: DnsQuestion, packet: DecodedPacket): DnsFinding {
  const rcode = (packet.flags ?? 0) & 0x0f;
  if (rcode === 3) return { kind: 'no_name', ttl: negativeTtl(packet) };
  if (rcode !== 0) return { kind: 'failed', reason: rcodes[rcode] ?? `rcode ${rcode}` };
  const answers = packet.answers ?? [];
  let name = question.name;
  let ttl = Number.POSITIVE_INFINITY;
  for (let hops = 0; hops <= maxAliases; hops++) {
    const values: DnsValue[] = [];
    let target: string | undefined;
    for (const record of answers) {
      if (normalName(record.name) !== name) continue;
      if (record.type === question.type) {
        values.push(valueIn(record));
        ttl = Math.min(ttl, ttlOf(record));
      } else if (record.type === 'CNAME') {
        target = normalName(record.data);
        ttl = Math.min(ttl, ttlOf(record));
      }
    }
    if (values.length > 0) return { kind: 'records', values, ttl };
    if (target === undefined) {
      return name === question.name
        ? { kind: 'no_data', ttl: negativeTtl(packet) }
        : { kind: 'alias', target: name, ttl };
    }
    name = target;
  }
  return { kind: 'failed', reason: `more than ${maxAliases} aliases` };
}

function valueIn(record: Answer): DnsValue {
  if (record.type === 'MX') {
    return { data: normalName(record.data.exchange), preference: record.data.preference ?? 0 };
  }
  if (record.type === 'TXT') return { data: textOf(record.data), preference: 0 };
  return {
    data: record.type === 'A' || record.type === 'AAAA' ? record.data : '',
    preference: 0,
  };
}

/** The library decodes each string of a record into a buffer. */
const textOf = (data: string | Buffer | readonly (string | Buffer)[]): string =>
  (Array.isArray(data) ? data : [data]).map(String).join('');

const ttlOf = (record: Answer): number => ('ttl' in record ? (record.ttl ?? 0) : 0);

/** RFC 2308 5: the lesser of the SOA's own time and its minimum. */
function negativeTtl(packet: DecodedPacket): number {
  for (const record of packet.authorities ?? []) {
    if (record.type !== 'SOA') continue;
    return Math.min(longestNegativeTtlSeconds, record.ttl ?? 0, record.data.minimum ?? 0);
  }
  return negativeTtlSeconds;
}
