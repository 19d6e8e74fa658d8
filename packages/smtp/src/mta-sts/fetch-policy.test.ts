import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { before, describe, it } from 'node:test';
import { type TestAuthority, type TestCertificate, testAuthority } from '../test-certificates.ts';
import { type PolicyFetchOptions, policyFetch } from './fetch-policy.ts';

const text = 'version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 86400\n';

let authority: TestAuthority;
let certificate: TestCertificate;
before(async () => {
  authority = await testAuthority();
  certificate = await authority.certificate(['mta-sts.a.test']);
});

/** Fetches the policy of a.test from a local policy host. */
async function fetchFrom(
  answer: RequestListener,
  options: Partial<PolicyFetchOptions> & { readonly certificate?: TestCertificate } = {},
): Promise<string> {
  const server = createServer(options.certificate ?? certificate, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  try {
    const fetch = policyFetch({
      resolver: { addresses: async () => ({ kind: 'addresses', addresses: ['127.0.0.1'] }) },
      ca: authority.ca,
      loopbackOnly: true,
      port: bound.port,
      ...options,
    });
    return await fetch('a.test');
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const serving =
  (body: string, type = 'text/plain', status = 200): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': type, connection: 'close' }).end(body);
  };

describe('A policy over HTTPS, RFC 8461 3.3', () => {
  it('comes from the policy host of the domain, at its well-known place', async () => {
    const asked: string[] = [];
    const got = await fetchFrom((request, response) => {
      asked.push(`${request.method} https://${request.headers.host}${request.url}`);
      serving(text)(request, response);
    });
    assert.equal(got, text);
    assert.deepEqual(asked, ['GET https://mta-sts.a.test/.well-known/mta-sts.txt']);
  });

  it('may say its character set', async () => {
    assert.equal(await fetchFrom(serving(text, 'text/plain; charset=utf-8')), text);
  });

  const refused: Readonly<Record<string, readonly [RequestListener, RegExp]>> = {
    'is not fetched through a redirect': [
      (_, response) => void response.writeHead(301, { location: 'https://mta-sts.a.test/x' }).end(),
      /answers 301/,
    ],
    'is not a page of another type': [serving(text, 'text/html'), /no text\/plain/],
    'is not what comes with an error': [serving(text, 'text/plain', 404), /answers 404/],
    'has no end beyond 64 KB': [serving('x'.repeat(70_000)), /more than 65536 bytes/],
    'is not what was cut off': [
      (_, response) => {
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '500' });
        response.write(text, () => response.destroy());
      },
      /aborted|hang up/,
    ],
  };
  for (const [what, [answer, message]] of Object.entries(refused)) {
    it(what, () => assert.rejects(fetchFrom(answer), message));
  }

  it('is not waited for without end', async () => {
    await assert.rejects(
      fetchFrom(() => undefined, { timeoutMs: 150 }),
      /did not answer within 150 ms/,
    );
  });

  it('needs a certificate of the policy host', async () => {
    const other = await authority.certificate(['a.test']);
    await assert.rejects(fetchFrom(serving(text), { certificate: other }), /altnames|does not name/i);
  });

  it('needs a certificate that somebody trusted has signed', async () => {
    const own = await authority.selfSigned('mta-sts.a.test');
    await assert.rejects(fetchFrom(serving(text), { certificate: own }), /self-signed/);
  });

  it('needs a certificate whose time is not over', async () => {
    const old = await authority.certificate(['mta-sts.a.test'], { expired: true });
    await assert.rejects(fetchFrom(serving(text), { certificate: old }), /expired/);
  });

  it('needs an address', async () => {
    const resolver = { addresses: async () => ({ kind: 'none' }) as const };
    await assert.rejects(fetchFrom(serving(text), { resolver }), /mta-sts\.a\.test has no address/);
  });

  it('comes from nowhere else while only loopback is allowed', async () => {
    const resolver = {
      addresses: async () => ({ kind: 'addresses', addresses: ['192.0.2.1'] }) as const,
    };
    await assert.rejects(fetchFrom(serving(text), { resolver }), /only loopback addresses are allowed/);
  });
});
