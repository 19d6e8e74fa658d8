/** Counters of one ISP, since the start or the last clear. */
export interface IspStats {
  readonly connections: {
    readonly open: number;
    readonly max_open: number;
    readonly total: number;
    /** Turned away by the connection limits. */
    readonly refused: number;
    readonly tls: number;
  };
  readonly mails: {
    readonly accepted: number;
    readonly bytes: number;
    /** Mails that came over TLS. */
    readonly tls: number;
    /** Answered 4xx / 5xx, by what caused it: `rate_limited`, `greylisted`, `random`, `mailbox` ... */
    readonly deferred: Readonly<Record<string, number>>;
    readonly rejected: Readonly<Record<string, number>>;
    /** Connection dropped in the middle of DATA, or after the dot before the reply. */
    readonly dropped: Readonly<Record<string, number>>;
    readonly max_per_connection: number;
  };
  /** By source IP. */
  readonly sources: Readonly<
    Record<
      string,
      {
        readonly accepted: number;
        readonly max_open: number;
        /** Most mails accepted within one second of the clock, and when. */
        readonly worst_second: { readonly at: number; readonly accepted: number };
        /** Mails accepted in each of the last seconds, oldest first, the present one last. */
        readonly last_seconds: readonly number[];
      }
    >
  >;
  /** Results by name: `pass`, `fail`, `none` ... */
  readonly auth: {
    readonly spf: Readonly<Record<string, number>>;
    readonly dkim: Readonly<Record<string, number>>;
    readonly dmarc: Readonly<Record<string, number>>;
  };
}

/** `GET /stats`. */
export interface SandboxStats {
  readonly since: number;
  readonly now: number;
  readonly accepted: number;
  readonly kept: { readonly messages: number; readonly bytes: number; readonly forgotten: number };
  readonly verification: {
    readonly mode: string;
    readonly done: number;
    readonly skipped: number;
    readonly waiting: number;
  };
  readonly dns: { readonly queries: number; readonly answers: Readonly<Record<string, number>> };
  readonly isps: Readonly<Record<string, IspStats>>;
}
