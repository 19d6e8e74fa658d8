/** Sends what comes back later to the sender's own servers, when it is due, a few at a time. */
import { randomUUID } from 'node:crypto';
import nodemailer, { type Transporter } from 'nodemailer';
import type { Behaviour } from '../behaviour.ts';
import type { IncomingMail } from '../dialogue.ts';
import { parseHeaders } from '../header-fields.ts';
import { askedAnswer, drawnAnswer, type LateAnswer } from './late-answer.ts';
import {
  type Answered,
  autoReplyMail,
  bounceMail,
  complaintMail,
  unsubscribeMail,
  unsubscribeWays,
} from './late-mails.ts';

/** Where answers go: there is no MX of theirs to look up. */
export interface LaterOptions {
  /** Inbound SMTP of the sender, host:port. */
  readonly smtp: string;
  /** What takes the place of scheme and host in https links; absent: nothing is clicked. */
  readonly http?: string | undefined;
  /** Where complaints go; absent: none is sent. */
  readonly complaintAddress?: string | undefined;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onProblem: (where: string, error: Error) => void;
}

/** One answer, as `GET /answers` lists it. */
export interface ShownAnswer {
  readonly kind: LateAnswer['kind'];
  /** How a bounce was written, and whether for good. */
  readonly style: string | null;
  readonly hard: boolean | null;
  readonly recipient: string;
  /** `sent` also when the sender's server refused it: then `refusal` says how. */
  state: 'waiting' | 'sent';
  refusal: string | null;
  /** ms since the epoch; null: it waits. */
  sent_at: number | null;
}

interface Waiting {
  readonly dueAt: number;
  readonly answer: LateAnswer;
  readonly mail: Answered;
  readonly shown: ShownAnswer;
}

const atOnce = 4;
const kept = 100_000;
const closeMs = 2_000;

export class Later {
  readonly #options: LaterOptions;
  readonly #transport: Transporter;
  readonly #answers: ShownAnswer[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #due: Waiting[] = [];
  #busy = 0;
  #turn = 0;
  #stopped = false;

  constructor(options: LaterOptions) {
    this.#options = options;
    const colon = options.smtp.lastIndexOf(':');
    this.#transport = nodemailer.createTransport({
      host: options.smtp.slice(0, colon),
      port: Number(options.smtp.slice(colon + 1)),
      name: 'sandbox.test',
      pool: true,
      maxConnections: atOnce,
      maxMessages: 1_000,
      tls: { rejectUnauthorized: false },
    });
  }

  /** Answers so far, the oldest first. */
  get answers(): readonly ShownAnswer[] {
    return this.#answers;
  }

  /** A mail was taken: perhaps something comes back. */
  taken(mail: IncomingMail, behaviour: Behaviour, mxHost: string): void {
    for (const recipient of mail.rcptTo) {
      const answer =
        askedAnswer(recipient, this.#turn) ?? drawnAnswer(this.#options.random(), behaviour, this.#turn);
      if (answer === undefined || this.#answers.length >= kept || this.#stopped) continue;
      this.#turn++;
      const header = mail.header();
      const shown: ShownAnswer = {
        kind: answer.kind,
        style: answer.kind === 'bounce' ? answer.style : null,
        hard: answer.kind === 'bounce' ? answer.hard : null,
        ...{ recipient, state: 'waiting', refusal: null, sent_at: null },
      };
      this.#answers.push(shown);
      const dueAt = Date.now() + behaviour.answer_after_ms;
      const waiting: Waiting = {
        ...{ dueAt, answer, shown },
        mail: {
          headers: parseHeaders(header),
          headerText: header.toString('latin1'),
          mailFrom: mail.mailFrom,
          clientAddress: mail.client.address,
          ...{ recipient, mxHost, now: dueAt, id: randomUUID().replaceAll('-', '') },
        },
      };
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#due.push(waiting);
        this.#next();
      }, behaviour.answer_after_ms);
      this.#timers.add(timer);
    }
  }

  clear(): void {
    this.#answers.length = 0;
  }

  /** What waits is not sent any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#due = [];
    const giveUpAt = Date.now() + closeMs;
    while (this.#busy > 0 && Date.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#transport.close();
  }

  #next(): void {
    while (this.#busy < atOnce) {
      const waiting = this.#due.shift();
      if (waiting === undefined) return;
      this.#busy++;
      this.#send(waiting)
        .catch((error: unknown) => {
          const problem = error instanceof Error ? error : new Error(String(error));
          waiting.shown.refusal = problem.message;
          this.#options.onProblem(`answer to ${waiting.mail.mailFrom}`, problem);
        })
        .finally(() => {
          waiting.shown.state = 'sent';
          waiting.shown.sent_at ??= Date.now();
          this.#busy--;
          this.#next();
        });
    }
  }

  async #send({ answer, mail, shown }: Waiting): Promise<void> {
    shown.sent_at = Date.now();
    const { http, complaintAddress } = this.#options;
    switch (answer.kind) {
      case 'bounce':
        return this.#mail('', mail.mailFrom, bounceMail(mail, answer.style, answer.hard));
      case 'complaint':
        if (complaintAddress === undefined) return;
        return this.#mail(`feedback@${mail.mxHost}`, complaintAddress, complaintMail(mail, complaintAddress));
      case 'auto_reply':
        return this.#mail('', mail.mailFrom, autoReplyMail(mail));
      case 'one_click': {
        const { https } = unsubscribeWays(mail.headers);
        if (https === undefined || http === undefined) return;
        const { pathname, search } = new URL(https);
        const response = await fetch(http + pathname + search, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: 'List-Unsubscribe=One-Click',
        });
        await response.arrayBuffer();
        if (!response.ok) throw new Error(`${response.status} from ${pathname}`);
        return;
      }
      case 'mailto_unsubscribe': {
        const { mailto } = unsubscribeWays(mail.headers);
        if (mailto === undefined) return;
        const to = decodeURIComponent(mailto.pathname);
        return this.#mail(
          mail.recipient,
          to,
          unsubscribeMail(mail, to, mailto.searchParams.get('subject') ?? 'unsubscribe'),
        );
      }
      default:
        return answer satisfies never;
    }
  }

  async #mail(from: string, to: string, raw: string): Promise<void> {
    await this.#transport.sendMail({ envelope: { from, to: [to] }, raw: Buffer.from(raw, 'latin1') });
  }
}
