import { deadAddress, type IspDefinition } from './isps.ts';

/** One DNS record; `value` as in a zone file: `10 mx.example.com.` for MX, the text for TXT. */
export interface ZoneRecord {
  readonly name: string;
  readonly type: ZoneRecordType;
  readonly value: string;
  /** Seconds; default 60. */
  readonly ttl?: number;
}

/** Record types that the sandbox serves. */
export const zoneRecordTypes = ['A', 'AAAA', 'CNAME', 'MX', 'PTR', 'TXT'] as const;
export type ZoneRecordType = (typeof zoneRecordTypes)[number];

/** What a question gets: records, that the name is missing, an error, or no reply at all. */
export type ZoneAnswer =
  | { readonly kind: 'records'; readonly records: readonly ZoneRecord[] }
  | { readonly kind: 'no_name' }
  | { readonly kind: 'servfail' }
  | { readonly kind: 'silence' };

/** A record that cannot be served. */
export class ZoneError extends Error {
  readonly code = 'zone_record_invalid';
  override readonly name = 'ZoneError';
}

/** All DNS data of the sandbox. Names are compared without case and final dot. */
export class Zone {
  readonly #records = new Map<string, ZoneRecord[]>();

  constructor(definitions: readonly IspDefinition[]) {
    for (const definition of definitions) {
      for (const host of definition.hosts) {
        const type = host.address.includes(':') ? 'AAAA' : 'A';
        this.#add({ name: host.name, type, value: host.address });
      }
      for (const [domain, exchanges] of Object.entries(definition.domains)) {
        for (const { preference, host } of exchanges) {
          this.#add({ name: domain, type: 'MX', value: `${preference} ${host}.` });
        }
      }
    }
    // RFC 7505.
    this.#add({ name: 'nullmx.test', type: 'MX', value: '0 .' });
    this.#add({ name: 'dead.special.test', type: 'A', value: deadAddress });
  }

  /** Adds records; those of the same name and type are replaced. Throws ZoneError and then adds none. */
  publish(records: readonly ZoneRecord[]): void {
    for (const record of records) checkRecord(record);
    const replaced = new Set(records.map((record) => `${normalise(record.name)} ${record.type}`));
    for (const key of replaced) {
      const [name = '', type] = key.split(' ');
      const kept = (this.#records.get(name) ?? []).filter((record) => record.type !== type);
      this.#records.set(name, kept);
    }
    for (const record of records) this.#add(record);
  }

  /** Forgets a name. Returns whether it was there. */
  remove(name: string): boolean {
    return this.#records.delete(normalise(name));
  }

  /** Every record of a name. */
  recordsOf(name: string): readonly ZoneRecord[] {
    return this.#records.get(normalise(name)) ?? [];
  }

  answer(name: string, type: string): ZoneAnswer {
    const wanted = normalise(name);
    if (within(wanted, 'servfail.test')) return { kind: 'servfail' };
    if (within(wanted, 'blackhole.test')) return { kind: 'silence' };
    const records = this.#records.get(wanted);
    if (!records) return this.#hasBelow(wanted) ? { kind: 'records', records: [] } : { kind: 'no_name' };
    const alias = records.find((record) => record.type === 'CNAME');
    if (alias && type !== 'CNAME') {
      const target = this.#records.get(normalise(alias.value)) ?? [];
      return { kind: 'records', records: [alias, ...target.filter((record) => record.type === type)] };
    }
    return { kind: 'records', records: records.filter((record) => record.type === type) };
  }

  #add(record: ZoneRecord): void {
    const name = normalise(record.name);
    const records = this.#records.get(name) ?? [];
    records.push({ ...record, name });
    this.#records.set(name, records);
  }

  // An empty non-terminal exists, RFC 8020: `_domainkey.example.com` when a selector is below it.
  #hasBelow(name: string): boolean {
    const suffix = `.${name}`;
    for (const known of this.#records.keys()) if (known.endsWith(suffix)) return true;
    return false;
  }
}

/** Splits the value of an MX record. */
export function parseMx(value: string): { preference: number; exchange: string } {
  const [preference = '0', exchange = '.'] = value.trim().split(/\s+/);
  return { preference: Number(preference), exchange: normalise(exchange) };
}

function checkRecord(record: ZoneRecord): void {
  const where = `${record.name} ${record.type}`;
  if (normalise(record.name) === '') throw new ZoneError(`${where}: the name is empty`);
  if (record.type === 'MX' && !/^\d{1,5}\s+\S+$/.test(record.value.trim())) {
    throw new ZoneError(`${where}: an MX value is "preference host", such as "10 mx.example.com."`);
  }
  if (record.type === 'A' && !/^127\.\d+\.\d+\.\d+$/.test(record.value)) {
    throw new ZoneError(`${where}: the sandbox only answers loopback addresses (127.0.0.0/8)`);
  }
  if (record.type === 'AAAA' && record.value !== '::1') {
    throw new ZoneError(`${where}: the only loopback address of IPv6 is ::1`);
  }
}

function normalise(name: string): string {
  return name.trim().toLowerCase().replace(/\.$/, '');
}

function within(name: string, parent: string): boolean {
  return name === parent || name.endsWith(`.${parent}`);
}
