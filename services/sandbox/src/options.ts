import type { BehaviourInput } from './behaviour.ts';
import type { LaterOptions, ShownAnswer } from './later/later.ts';
import type { MessageQuery, ReceivedMessage } from './message-store.ts';
import type { SandboxStats } from './statistics.ts';
import type { ZoneRecord } from './zone.ts';

/** What is kept of an accepted mail: all of it, its headers and facts, or nothing but the counters. */
export type Keep = 'all' | 'headers' | 'none';

/** Which mails are checked for SPF, DKIM and DMARC: every one, one in a hundred, or none. */
export type Verify = 'all' | 'sample' | 'off';

/** Every field is optional; ports default to 0, any free one. */
export interface SandboxOptions {
  /** Page and API; default 127.0.0.1 and any free port. */
  readonly http?: { readonly host?: string; readonly port?: number };
  /** The one SMTP port of all ISP addresses; default 0. */
  readonly smtpPort?: number;
  /** DNS port on 127.0.0.1, UDP and TCP; default 0. */
  readonly dnsPort?: number;
  /** Behaviour by ISP name (`gmail`, `tail`, `tail-07` ...) on top of the shipped ones. */
  readonly behaviours?: Readonly<Record<string, BehaviourInput>>;
  /** DNS records of the senders: DKIM keys, SPF, DMARC; and any others. */
  readonly publish?: readonly ZoneRecord[];
  /** Default `all`. */
  readonly keep?: Keep;
  /** Mails kept, the oldest go first; default 10,000. */
  readonly keepMessages?: number;
  /** Their bytes; default 64 MiB. */
  readonly keepBytes?: number;
  /** Default `all`. What does not fit the bounded queue is counted as skipped. */
  readonly verify?: Verify;
  /** Arrival times remembered for `GET /arrivals`; default 200,000. */
  readonly keepArrivals?: number;
  /** Where the test authority is kept, so that it stays the same; absent: a new one at each start. */
  readonly stateDirectory?: string;
  /** Seed of everything random; default: a new one at each start. */
  readonly seed?: number;
  /** Where bounces, complaints and unsubscriptions go that come later; absent: none does. */
  readonly answers?: Pick<LaterOptions, 'smtp' | 'http' | 'complaintAddress'>;
  /** Told of failed handshakes and checks; default: nobody. */
  readonly onProblem?: (where: string, error: Error) => void;
}

/** A running sandbox. */
export interface Sandbox {
  readonly smtpPort: number;
  readonly dnsPort: number;
  readonly httpPort: number;
  /** `http://host:port` of page and API. */
  readonly url: string;
  /** `host:port` for `router.dns_servers`. */
  readonly dnsServer: string;
  /** PEM of the authority that signed the certificates of all MX hosts. */
  readonly ca: string;
  /** The same as a file, when `stateDirectory` was given. */
  readonly caFile: string | undefined;
  /** Addresses by ISP, in the order of its MX hosts. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** Adds DNS records; a name's records of the same type are replaced. */
  publish(...records: readonly ZoneRecord[]): void;
  /** Changes an ISP's behaviour from now on; what is not named stays. Throws BehaviourError. */
  behave(isp: string, behaviour: BehaviourInput): Promise<void>;
  /** Back to the behaviour of the start; without a name, every ISP. */
  resetBehaviour(isp?: string): Promise<void>;
  /** Received mails, newest first; with `waitMs` it waits for them. */
  messages(query?: MessageQuery): Promise<readonly ReceivedMessage[]>;
  /** Source of a mail byte for byte, dot-stuffing removed; its headers alone with `keep: headers`. */
  source(id: string): Buffer | undefined;
  /** What came back later, or will, the oldest first. */
  answers(): readonly ShownAnswer[];
  stats(): SandboxStats;
  /** Forgets mails, arrivals and counters. */
  clear(): void;
  stop(): Promise<void>;
}
