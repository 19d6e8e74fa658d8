/** One DNS record; `value` as in a zone file: `10 mx.example.com.` for MX, the text for TXT. */
export interface ZoneRecord {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'MX' | 'PTR' | 'TXT';
  readonly value: string;
  /** Seconds; default 60. */
  readonly ttl?: number;
}
