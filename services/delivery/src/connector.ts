/** Opens sessions: exchangers by preference, their addresses by family, relays and proxies as they are configured. */
import { isIPv6 } from 'node:net';
import {
  connectSmtp,
  createRelay,
  type DnsResolver,
  type EgressProxy,
  mxOrder,
  type Relay,
  SmtpError,
  type SmtpTimeouts,
  type TlsPolicy,
} from '@millrace/smtp';
import type { Destination } from './destinations.ts';
import type { EgressSource } from './egress.ts';
import { relaySession, type Session, smtpSession } from './session.ts';

/** How sessions of a lane are opened. */
export interface SessionTerms {
  readonly tls: TlsPolicy;
  /** With `required`: the certificate must verify. */
  readonly verify: boolean;
  readonly pipelining: boolean;
  readonly timeouts: Partial<SmtpTimeouts>;
}

/** No exchanger could be spoken to. */
export class NoSessionError extends Error {
  override readonly name = 'NoSessionError';
  readonly code = 'ERR_DELIVERY_NO_SESSION';
  /** Host that was tried last; null: none had an address, or our own proxy failed before any was reached. */
  readonly host: string | null;
  readonly remoteAddress: string | null;
  readonly failure: SmtpError | undefined;

  constructor(
    text: string,
    where: { readonly host: string | null; readonly remoteAddress: string | null },
    failure?: SmtpError,
  ) {
    super(text, failure === undefined ? {} : { cause: failure });
    this.host = where.host;
    this.remoteAddress = where.remoteAddress;
    this.failure = failure;
  }
}

export interface ConnectorOptions {
  readonly resolver: Pick<DnsResolver, 'addresses'>;
  /** SMTP port of the exchangers. */
  readonly port: number;
  readonly prefer: 'ipv4' | 'ipv6';
  readonly loopbackOnly: boolean;
  /** PEM; undefined: Node's authorities. */
  readonly ca: string | undefined;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Addresses tried for one session at most: a domain with many dead exchangers must not hold a place for hours. */
const maxTries = 8;

export class Connector {
  readonly #options: ConnectorOptions;
  readonly #relays = new Map<string, Relay>();

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** Throws NoSessionError when every exchanger was tried in vain. */
  async open(destination: Destination, source: EgressSource, terms: SessionTerms): Promise<Session> {
    if (source.relay !== undefined) return relaySession(this.#relay(source), source.relay.host);
    let failure: NoSessionError | undefined;
    let tries = 0;
    for (const host of mxOrder(destination.hosts, this.#options.random)) {
      const found = await this.#addresses(host, source);
      if (typeof found === 'string') {
        failure ??= new NoSessionError(found, { host, remoteAddress: null });
        continue;
      }
      for (const address of found) {
        if (tries === maxTries)
          throw failure ?? new NoSessionError('No address.', { host, remoteAddress: null });
        tries += 1;
        try {
          return await this.#connect(host, address, source, verifiedTerms(terms, destination));
        } catch (error) {
          if (!(error instanceof SmtpError)) throw error;
          // The other exchangers lie behind the same proxy.
          if (error.phase === 'proxy') throw proxyFailure(error);
          failure = tellingMore(failure, host, address, error);
        }
      }
    }
    throw failure ?? new NoSessionError('The domain has no exchanger.', { host: null, remoteAddress: null });
  }

  /** Closes the relays' pools. */
  async stop(): Promise<void> {
    await Promise.all([...this.#relays.values()].map((relay) => relay.stop()));
  }

  async #connect(host: string, address: string, source: EgressSource, terms: SessionTerms): Promise<Session> {
    const { port, loopbackOnly, ca, signal } = this.#options;
    const sourceAddress = isIPv6(address) ? source.address6 : source.address;
    const proxy = await this.#proxy(source, sourceAddress);
    return smtpSession(
      await connectSmtp({
        host,
        address,
        port,
        ehloName: source.ehloName,
        tls: terms.tls,
        verify: terms.verify,
        pipelining: terms.pipelining,
        timeouts: terms.timeouts,
        loopbackOnly,
        signal,
        ...(proxy !== undefined && { proxy }),
        ...(proxy === undefined && sourceAddress !== undefined && { localAddress: sourceAddress }),
        ...(ca === undefined ? {} : { ca }),
      }),
    );
  }

  /** Those of the families that the source sends from; a sentence where there is none. */
  async #addresses(host: string, source: EgressSource): Promise<readonly string[] | string> {
    const answer = await this.#options.resolver.addresses(host, this.#options.prefer);
    if (answer.kind === 'temporary') return `DNS does not answer for ${host}: ${answer.reason}`;
    if (answer.kind === 'none') return `${host} has no address.`;
    const anyFamily = source.address === undefined && source.address6 === undefined;
    const usable = answer.addresses.filter(
      (address) => anyFamily || (isIPv6(address) ? source.address6 : source.address) !== undefined,
    );
    if (usable.length > 0) return usable;
    return `${host} has no address of a family that source ${source.name} sends from.`;
  }

  /** The source's proxy; undefined: it connects from this machine. Throws SmtpError of phase `proxy` when it has no address. */
  async #proxy(source: EgressSource, sourceAddress: string | undefined): Promise<EgressProxy | undefined> {
    const { proxy } = source;
    if (proxy === undefined) return undefined;
    const { host, port, protocol, username, password } = proxy;
    const answer = await this.#options.resolver.addresses(host, this.#options.prefer);
    const address = answer.kind === 'addresses' ? answer.addresses[0] : undefined;
    if (address === undefined) {
      const reason = answer.kind === 'temporary' ? answer.reason : 'it has no address';
      throw new SmtpError('ERR_SMTP_PROXY', 'proxy', `Proxy ${host} of source ${source.name}: ${reason}`);
    }
    if (protocol === 'socks5') {
      const login = username === undefined || password === undefined ? {} : { username, password };
      return { kind: 'socks5', address, port, ...login };
    }
    if (sourceAddress === undefined)
      throw new TypeError(`Source ${source.name} has no address to send from.`);
    return { kind: 'proxy_v2', address, port, sourceAddress };
  }

  #relay(source: EgressSource): Relay {
    const known = this.#relays.get(source.name);
    if (known !== undefined || source.relay === undefined) {
      if (known === undefined) throw new TypeError(`Source ${source.name} is no relay.`);
      return known;
    }
    const { host, port, tls, username, password, max_connections: maxConnections } = source.relay;
    const { loopbackOnly, ca } = this.#options;
    const relay = createRelay({
      host,
      port,
      tls,
      maxConnections,
      ehloName: source.ehloName,
      loopbackOnly,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(source.address === undefined ? {} : { localAddress: source.address }),
      ...(ca === undefined ? {} : { ca }),
    });
    this.#relays.set(source.name, relay);
    return relay;
  }
}

/** A domain's policy wins over what the lane says of TLS. */
const verifiedTerms = (terms: SessionTerms, { verifiedTls }: Destination): SessionTerms =>
  verifiedTls ? { ...terms, tls: 'required', verify: true } : terms;

const proxyFailure = (error: SmtpError): NoSessionError =>
  new NoSessionError(error.message, { host: null, remoteAddress: null }, error);

/** What a server said tells more than that one did not answer. */
const tellingMore = (
  known: NoSessionError | undefined,
  host: string,
  remoteAddress: string,
  error: SmtpError,
): NoSessionError =>
  known?.failure?.reply !== undefined && error.reply === undefined
    ? known
    : new NoSessionError(error.message, { host, remoteAddress }, error);
