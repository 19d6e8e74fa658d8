/** The TLS side of STARTTLS: one context per set of authorities, sessions taken up again, and what is known of a peer. */
import { createHash } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import {
  connect,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type { TlsFacts } from './tls-facts.ts';

interface Authorities {
  readonly context: SecureContext;
  /** Tells sessions under different authorities apart. */
  readonly id: string;
}

interface KnownSession {
  readonly session: Buffer;
  /** Of the full handshake: a session that is taken up again carries no proof of its own. */
  readonly facts: TlsFacts;
}

const maxSessions = 2_000;
const maxContexts = 8;
// A context takes 10 ms to make, with all of Node's authorities in it.
const contexts = new Map<string, Authorities>();
const sessions = new Map<string, KnownSession>();

export interface TlsPeer {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly ca: string | Buffer | undefined;
}

/** Begins the handshake as the client of `peer`; no certificate is refused here: `factsOf` says what it is worth. */
export function startHandshake(plain: Socket, peer: TlsPeer): TLSSocket {
  const { context } = authoritiesOf(peer.ca);
  const known = sessions.get(sessionKey(peer));
  return connect({
    socket: plain,
    host: peer.host,
    // SNI takes names only, RFC 6066 3.
    ...(isIP(peer.host) === 0 ? { servername: peer.host } : {}),
    secureContext: context,
    rejectUnauthorized: false,
    ...(known === undefined ? {} : { session: known.session }),
  });
}

/** What a finished handshake showed; its session is remembered for the next connection. */
export function factsOf(secure: TLSSocket, peer: TlsPeer): TlsFacts {
  const key = sessionKey(peer);
  const known = secure.isSessionReused() ? sessions.get(key)?.facts : undefined;
  const cipher = secure.getCipher();
  const fresh = { protocol: secure.getProtocol() ?? 'unknown', cipher: cipher.standardName ?? cipher.name };
  const facts: TlsFacts =
    known === undefined
      ? { ...fresh, ...certificateFacts(secure), resumed: false }
      : { ...known, ...fresh, resumed: true };
  secure.on('session', (session: Buffer) => remember(key, { session, facts }));
  return facts;
}

function certificateFacts(secure: TLSSocket): Omit<TlsFacts, 'protocol' | 'cipher' | 'resumed'> {
  const certificate: Partial<PeerCertificate> = secure.getPeerCertificate();
  const expires = Date.parse(certificate.valid_to ?? '');
  // A session that was resumed and is not known any more: nobody checked its name.
  const verified = secure.authorized && !secure.isSessionReused();
  return {
    verified,
    verifyError: verified ? null : (errorName(secure.authorizationError) ?? 'UNKNOWN'),
    subject: first(certificate.subject?.CN) ?? certificate.subjectaltname?.split(', ', 1)[0] ?? null,
    issuer: first(certificate.issuer?.CN) ?? first(certificate.issuer?.O) ?? null,
    expires_at: Number.isNaN(expires) ? null : new Date(expires).toISOString(),
  };
}

// Node's types say Error; OpenSSL's codes come as strings.
function errorName(error: unknown): string | undefined {
  if (typeof error === 'string') return error;
  if (error instanceof Error)
    return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  return undefined;
}

const first = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;

function authoritiesOf(ca: string | Buffer | undefined): Authorities {
  const id = ca === undefined ? '' : createHash('sha256').update(ca).digest('base64');
  let authorities = contexts.get(id);
  if (authorities === undefined) {
    authorities = {
      id,
      context: createSecureContext({ minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) }),
    };
    forgetOldest(contexts, maxContexts - 1);
    contexts.set(id, authorities);
  }
  return authorities;
}

function sessionKey(peer: TlsPeer): string {
  return `${peer.host} ${peer.address} ${peer.port} ${authoritiesOf(peer.ca).id}`;
}

function remember(key: string, known: KnownSession): void {
  sessions.delete(key);
  forgetOldest(sessions, maxSessions - 1);
  sessions.set(key, known);
}

function forgetOldest(map: Map<string, unknown>, keep: number): void {
  for (const key of map.keys()) {
    if (map.size <= keep) return;
    map.delete(key);
  }
}
