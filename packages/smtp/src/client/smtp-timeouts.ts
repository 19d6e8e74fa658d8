/** How long each phase of a session may take, ms. A limit counts from the phase's begin: dripping bytes do not stretch it. */
export interface SmtpTimeouts {
  /** TCP connection. Not in RFC 5321. Default 30 s. */
  readonly connectMs: number;
  /** To the 220. RFC 5321 4.5.3.2.1: 5 min. */
  readonly greetingMs: number;
  /** To the answer to EHLO. As for MAIL: 5 min. */
  readonly ehloMs: number;
  /** STARTTLS and the handshake together. Default 2 min. */
  readonly tlsMs: number;
  /** MAIL, and RSET before it. 4.5.3.2.2: 5 min. */
  readonly mailMs: number;
  /** 4.5.3.2.3: 5 min. */
  readonly rcptMs: number;
  /** To the 354. 4.5.3.2.4: 2 min. */
  readonly dataMs: number;
  /** Until the network has taken the next block of the mail. 4.5.3.2.5: 3 min. */
  readonly blockMs: number;
  /** From the final dot to its answer. 4.5.3.2.6: 10 min. */
  readonly bodyMs: number;
  /** QUIT. Nothing is lost when it is not answered. Default 5 s. */
  readonly quitMs: number;
}

/** RFC 5321 4.5.3.2. */
export const defaultSmtpTimeouts: SmtpTimeouts = {
  connectMs: 30_000,
  greetingMs: 300_000,
  ehloMs: 300_000,
  tlsMs: 120_000,
  mailMs: 300_000,
  rcptMs: 300_000,
  dataMs: 120_000,
  blockMs: 180_000,
  bodyMs: 600_000,
  quitMs: 5_000,
};
