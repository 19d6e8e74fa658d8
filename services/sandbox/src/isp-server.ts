import { createServer, type Server, type Socket } from 'node:net';
import type { Behaviour } from './behaviour.ts';
import type { Certificates } from './certificates.ts';
import { appliesTo, Dialogue, type IncomingMail } from './dialogue.ts';
import { Gate } from './gate.ts';
import type { IspDefinition } from './isps.ts';
import { SmtpSession } from './smtp-session.ts';
import { IspCounters } from './statistics.ts';
import { type Wording, wordingOf } from './wording.ts';

/** What the servers of all ISPs share. */
export interface IspServerOptions {
  readonly certificates: Certificates;
  readonly keepBytes: number;
  now(): number;
  random(): number;
  authentic(mail: IncomingMail, isp: IspDefinition): Promise<boolean>;
  accept(mail: IncomingMail, server: IspServer, mxHost: string): string;
  failed(error: Error, isp: IspDefinition): void;
}

/** The SMTP servers of one ISP: one listener per MX host, all with the same behaviour, limits and counters. */
export class IspServer {
  readonly definition: IspDefinition;
  readonly counters = new IspCounters();
  readonly gate = new Gate();
  behaviour: Behaviour;
  readonly #options: IspServerOptions;
  readonly #wording: Wording;
  readonly #listeners = new Map<string, Server>();
  readonly #sessions = new Map<SmtpSession, string>();
  #port = 0;

  constructor(definition: IspDefinition, behaviour: Behaviour, options: IspServerOptions) {
    this.definition = definition;
    this.behaviour = behaviour;
    this.#options = options;
    this.#wording = wordingOf(definition.group);
  }

  /** Opens every host's listener. Rejects with the socket's error, such as EADDRINUSE. */
  async listen(port: number): Promise<void> {
    this.#port = port;
    for (const host of this.definition.hosts) {
      if (!this.#refuses(host.name)) await this.#open(host);
    }
  }

  /** Follows a change of behaviour: hosts that refuse stop to listen and lose their connections. */
  async behave(behaviour: Behaviour): Promise<void> {
    this.behaviour = behaviour;
    for (const host of this.definition.hosts) {
      if (this.#refuses(host.name)) await this.#close(host.name);
      else if (!this.#listeners.has(host.name)) await this.#open(host);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.definition.hosts.map((host) => this.#close(host.name)));
  }

  #refuses(mxHost: string): boolean {
    return this.behaviour.unavailable === 'refuse' && appliesTo(this.behaviour, mxHost);
  }

  async #open(host: { readonly name: string; readonly address: string }): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#serve(socket, host.name));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port: this.#port, host: host.address, backlog: 1_024 }, resolve);
      });
    } catch (error) {
      // A machine without IPv6 loses only the IPv6 host.
      if (host.address.includes(':') && hasCode(error, ['EADDRNOTAVAIL', 'EAFNOSUPPORT'])) return;
      throw error;
    }
    this.#listeners.set(host.name, server);
  }

  async #close(mxHost: string): Promise<void> {
    for (const [session, host] of this.#sessions) if (host === mxHost) session.destroy();
    const server = this.#listeners.get(mxHost);
    if (!server) return;
    this.#listeners.delete(mxHost);
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  }

  #serve(socket: Socket, mxHost: string): void {
    const address = socket.remoteAddress;
    // Gone before it was accepted.
    if (address === undefined) {
      socket.destroy();
      return;
    }
    const { definition, counters, gate } = this;
    const options = this.#options;
    const server = this;
    const admitted = gate.enter(address, this.behaviour, options.now());
    if (admitted) counters.connected(address);
    else counters.refused();
    const dialogue = new Dialogue(
      {
        mxHost,
        greeting: definition.greeting,
        wording: this.#wording,
        gate,
        counters,
        get behaviour() {
          return server.behaviour;
        },
        now: options.now,
        random: options.random,
        authentic: (mail) => options.authentic(mail, definition),
        accept: (mail) => options.accept(mail, server, mxHost),
      },
      { address, port: socket.remotePort ?? 0 },
    );
    const session = new SmtpSession(
      {
        mxHost,
        keepBytes: options.keepBytes,
        get behaviour() {
          return server.behaviour;
        },
        secureContext: () =>
          options.certificates.contextFor(
            definition.hosts.map((host) => host.name),
            server.behaviour.certificate,
            options.now(),
          ),
        closed: () => {
          server.#sessions.delete(session);
          if (!admitted) return;
          gate.leave(address);
          counters.disconnected(address);
        },
        failed: (error) => options.failed(error, definition),
      },
      dialogue,
      socket,
    );
    this.#sessions.set(session, mxHost);
    session.start(admitted);
  }
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
