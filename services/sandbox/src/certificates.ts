import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { generate } from 'selfsigned';
import type { Behaviour } from './behaviour.ts';

const hourMs = 3_600_000;
const yearMs = 365 * 24 * hourMs;

interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** The sandbox's test authority and the certificates that it signs for the MX hosts of each ISP. */
export class Certificates {
  /** PEM that a client trusts. */
  readonly ca: string;
  readonly caFile: string | undefined;
  readonly #authority: KeyPair;
  readonly #contexts = new Map<string, Promise<SecureContext>>();

  private constructor(authority: KeyPair, caFile: string | undefined) {
    this.#authority = authority;
    this.ca = authority.cert;
    this.caFile = caFile;
  }

  /** Reads the authority from the directory, or makes one and (with a directory) keeps it there. */
  static async open(directory: string | undefined, now: number): Promise<Certificates> {
    if (directory === undefined) return new Certificates(await newAuthority(now), undefined);
    const certFile = join(directory, 'sandbox-ca.pem');
    const keyFile = join(directory, 'sandbox-ca-key.pem');
    const kept = await readAuthority(certFile, keyFile, now);
    if (kept) return new Certificates(kept, certFile);
    const made = await newAuthority(now);
    await mkdir(directory, { recursive: true });
    await writeFile(keyFile, made.key, { mode: 0o600 });
    await writeFile(certFile, made.cert);
    return new Certificates(made, certFile);
  }

  /** The TLS context of these hosts; made at the first handshake and kept. */
  contextFor(hosts: readonly string[], kind: Behaviour['certificate'], now: number): Promise<SecureContext> {
    const id = `${kind} ${hosts.join(' ')}`;
    let context = this.#contexts.get(id);
    if (!context) {
      context = this.#newContext(hosts, kind, now);
      this.#contexts.set(id, context);
    }
    return context;
  }

  async #newContext(hosts: readonly string[], kind: Behaviour['certificate'], now: number) {
    const names = kind === 'wrong_name' ? ['wrong-name.test'] : hosts;
    const expired = kind === 'expired';
    const leaf = await newCertificate({
      names,
      notBefore: expired ? now - 2 * yearMs : now - hourMs,
      notAfter: expired ? now - yearMs : now + yearMs,
      ...(kind === 'self_signed' ? {} : { authority: this.#authority }),
    });
    const chain = kind === 'self_signed' ? leaf.cert : `${leaf.cert}\n${this.#authority.cert}`;
    return createSecureContext({ cert: chain, key: leaf.key, minVersion: 'TLSv1.2' });
  }
}

async function readAuthority(certFile: string, keyFile: string, now: number): Promise<KeyPair | undefined> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    return new X509Certificate(cert).validToDate.getTime() > now + yearMs ? { cert, key } : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(
      `The sandbox's test authority in ${certFile} cannot be read: delete it to get a new one`,
      {
        cause: error,
      },
    );
  }
}

async function newAuthority(now: number): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: 'Millrace sandbox test authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - hourMs),
    notAfterDate: new Date(now + 10 * yearMs),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

async function newCertificate(options: {
  names: readonly string[];
  notBefore: number;
  notAfter: number;
  authority?: KeyPair;
}): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: options.names[0] ?? 'sandbox.test' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(options.notBefore),
    notAfterDate: new Date(options.notAfter),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: options.names.map((value) => ({ type: 2, value })) },
    ],
    ...(options.authority ? { ca: options.authority } : {}),
  });
  return { cert: made.cert, key: made.private };
}
