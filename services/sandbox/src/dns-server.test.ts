import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { streamDecode, streamEncode } from 'dns-packet';
import { type Sandbox, startSandbox } from './index.ts';

describe('DNS of the sandbox', () => {
  let sandbox: Sandbox;
  const resolver = new Resolver({ timeout: 300, tries: 1 });
  before(async () => {
    sandbox = await startSandbox({ verify: 'off' });
    resolver.setServers([sandbox.dnsServer]);
  });
  after(() => sandbox.stop());

  it("answers gmail.com with Google's five MX hosts, each on a loopback address of its own", async () => {
    const hosts = await resolver.resolveMx('gmail.com');
    assert.deepEqual(
      hosts.sort((a, b) => a.priority - b.priority).map((host) => host.exchange),
      ['', 'alt1.', 'alt2.', 'alt3.', 'alt4.'].map((alternate) => `${alternate}gmail-smtp-in.l.google.com`),
    );
    const addresses = await Promise.all(hosts.map((host) => resolver.resolve4(host.exchange)));
    assert.equal(new Set(addresses.flat()).size, 5);
    assert.ok(addresses.flat().every((address) => address.startsWith('127.0.1.')));
  });

  const providers: Record<string, RegExp> = {
    'googlemail.com': /google\.com$/,
    'workspace-01.test': /^(alt\d\.)?aspmx\.l\.google\.com$/,
    'yahoo.com': /^mta[567]\.am0\.yahoodns\.net$/,
    'aol.com': /yahoodns\.net$/,
    'yahoo.co.jp': /yahoo\.co\.jp$/,
    'outlook.com': /olc\.protection\.outlook\.com$/,
    'hotmail.com': /olc\.protection\.outlook\.com$/,
    'contoso.test': /^contoso-test\.mail\.protection\.outlook\.com$/,
    'icloud.com': /^mx0[12]\.mail\.icloud\.com$/,
    'comcast.net': /comcast\.net$/,
    'gmx.de': /gmx\.net$/,
    'web.de': /web\.de$/,
    'orange.fr': /orange\.fr$/,
    'mimecast-tenant.test': /mimecast\.com$/,
    'proofpoint-tenant.test': /pphosted\.com$/,
    'tail-01.test': /^mx\.tail-01\.test$/,
    'tail-50.test': /^mx\.tail-50\.test$/,
    'xn--bcher-kva.test': /special\.test$/,
  };
  for (const [domain, hosts] of Object.entries(providers)) {
    it(`knows the MX hosts of ${domain}, and their addresses`, async () => {
      for (const { exchange } of await resolver.resolveMx(domain)) {
        assert.match(exchange, hosts);
        assert.equal((await resolver.resolve4(exchange)).length, 1);
      }
    });
  }

  it('has a domain with a null MX (RFC 7505)', async () => {
    const [mx] = await resolver.resolveMx('nullmx.test');
    assert.equal(mx?.exchange, '');
    assert.equal(mx?.priority, 0);
  });

  it('has a domain with an address and no MX', async () => {
    await assert.rejects(resolver.resolveMx('implicit.test'), { code: 'ENODATA' });
    assert.equal((await resolver.resolve4('implicit.test')).length, 1);
  });

  it('has an IPv6-only domain', async () => {
    await assert.rejects(resolver.resolve4('mx6.special.test'), { code: 'ENODATA' });
    assert.deepEqual(await resolver.resolve6('mx6.special.test'), ['::1']);
  });

  it('says that other names do not exist', async () => {
    await assert.rejects(resolver.resolveMx('example.com'), { code: 'ENOTFOUND' });
  });

  it('fails for servfail.test', async () => {
    await assert.rejects(resolver.resolveMx('servfail.test'), { code: 'ESERVFAIL' });
  });

  it('never answers for blackhole.test', async () => {
    await assert.rejects(resolver.resolveMx('blackhole.test'), { code: 'ETIMEOUT' });
  });

  it('serves published records at once, in pieces of 255 bytes where they are long', async () => {
    const key = `v=DKIM1; k=rsa; p=${'A'.repeat(700)}`;
    sandbox.publish({ name: 's1._domainkey.sender.test', type: 'TXT', value: key });
    const [pieces = []] = await resolver.resolveTxt('s1._domainkey.sender.test');
    assert.equal(pieces.join(''), key);
    assert.ok(pieces.every((piece) => piece.length <= 255));
    await assert.rejects(resolver.resolveTxt('_domainkey.sender.test'), { code: 'ENODATA' });
  });

  it('replaces the records of the same name and type, and keeps the others', async () => {
    sandbox.publish({ name: 'own.test', type: 'MX', value: '10 mx.tail-01.test.' });
    sandbox.publish({ name: 'own.test', type: 'TXT', value: 'one' });
    sandbox.publish({ name: 'OWN.test.', type: 'TXT', value: 'two' });
    assert.deepEqual(await resolver.resolveTxt('own.test'), [['two']]);
    const [mx] = await resolver.resolveMx('own.test');
    assert.equal(mx?.exchange, 'mx.tail-01.test');
    assert.equal(mx?.priority, 10);
  });

  it('refuses addresses that are not loopback', () => {
    assert.throws(() => sandbox.publish({ name: 'own.test', type: 'A', value: '192.0.2.1' }), {
      code: 'zone_record_invalid',
    });
  });

  it('answers over TCP what does not fit UDP', async () => {
    const texts = Array.from({ length: 9 }, (_, index) => `${index}${'x'.repeat(200)}`);
    sandbox.publish(...texts.map((value) => ({ name: 'long.test', type: 'TXT' as const, value })));
    const found = await resolver.resolveTxt('long.test');
    assert.deepEqual(found.map((pieces) => pieces.join('')).sort(), texts);
  });

  it('gives the time to live, and a negative one with the SOA record (RFC 2308)', async () => {
    sandbox.publish({ name: 'ttl.test', type: 'TXT', value: 'x', ttl: 7 });
    const [answer] = (await askByTcp(sandbox.dnsPort, 'ttl.test')).answers ?? [];
    assert.ok(answer && 'ttl' in answer);
    assert.equal(answer.ttl, 7);
    const [authority] = (await askByTcp(sandbox.dnsPort, 'nobody.test')).authorities ?? [];
    assert.equal(authority?.type, 'SOA');
  });
});

async function askByTcp(port: number, name: string) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(streamEncode({ type: 'query', id: 7, questions: [{ type: 'TXT', name }] }));
  for await (const chunk of socket) {
    socket.destroy();
    const packet = streamDecode(chunk);
    assert.ok(packet);
    return packet;
  }
  throw new Error('The server closed the connection');
}
