/** For the tests: an authority and the certificates that it signs. */
import { generate } from 'selfsigned';

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface TestAuthority {
  /** PEM that a client trusts. */
  readonly ca: string;
  /** A certificate for these DNS names; `expired`: its time is over. */
  certificate(names: readonly string[], options?: { readonly expired?: boolean }): Promise<TestCertificate>;
  /** One that nobody signed but itself. */
  selfSigned(name: string): Promise<TestCertificate>;
}

const dayMs = 86_400_000;

export async function testAuthority(): Promise<TestAuthority> {
  const now = Date.now();
  const made = await generate([{ name: 'commonName', value: 'Test authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - dayMs),
    notAfterDate: new Date(now + 30 * dayMs),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    ca: made.cert,
    certificate: async (names, { expired = false } = {}) => {
      const leaf = await generate([{ name: 'commonName', value: names[0] ?? 'mx.test' }], {
        keyType: 'ec',
        algorithm: 'sha256',
        notBeforeDate: new Date(now - (expired ? 20 : 1) * dayMs),
        notAfterDate: new Date(expired ? now - 10 * dayMs : now + 10 * dayMs),
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'subjectAltName', altNames: names.map((value) => ({ type: 2 as const, value })) },
        ],
        ca: { cert: made.cert, key: made.private },
      });
      return { cert: `${leaf.cert}\n${made.cert}`, key: leaf.private };
    },
    selfSigned: async (name) => {
      const leaf = await generate([{ name: 'commonName', value: name }], {
        keyType: 'ec',
        algorithm: 'sha256',
      });
      return { cert: leaf.cert, key: leaf.private };
    },
  };
}
