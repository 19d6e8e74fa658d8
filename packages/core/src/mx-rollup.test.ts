import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ispOf, ispOfHost } from './isp.ts';
import { siteOf } from './mx-rollup.ts';

const gmail = [
  'gmail-smtp-in.l.google.com',
  'alt1.gmail-smtp-in.l.google.com',
  'alt2.gmail-smtp-in.l.google.com',
];

test('providers are recognised by the whole labels that their MX hosts end in', () => {
  const hosts: Readonly<Record<string, string>> = {
    'gmail-smtp-in.l.google.com': 'gmail',
    'ASPMX2.GOOGLEMAIL.COM.': 'gmail',
    'mta5.am0.yahoodns.net': 'yahoo',
    'mx1.mail.yahoo.co.jp': 'yahoo-jp',
    'hotmail-com.olc.protection.outlook.com': 'outlook',
    'contoso-com.mail.protection.outlook.com': 'office365',
    'contoso-com.a-v1.mx.microsoft': 'office365',
    'mx01.mail.icloud.com': 'apple',
    'mx1h1.comcast.net': 'comcast',
    'mx00.gmx.net': 'gmx',
    'mx-ha02.web.de': 'gmx',
    'smtp-in.orange.fr': 'orange',
    'eu-smtp-inbound-1.mimecast.com': 'mimecast',
    'mx0a-001b2d01.pphosted.com': 'proofpoint',
    'mx.notgoogle.com': 'other',
    'google.com.example.net': 'other',
    'mail.example.com': 'other',
    '': 'other',
  };
  for (const [host, isp] of Object.entries(hosts)) assert.equal(ispOfHost(host), isp, host);
});

test('the most preferred host decides', () => {
  assert.equal(ispOf(['mx.example.com', 'aspmx.l.google.com']), 'other');
  assert.equal(ispOf([]), 'other');
});

test('hosts that differ in one label become one name', () => {
  assert.equal(siteOf(gmail), '(alt1|alt2)?.gmail-smtp-in.l.google.com');
  assert.equal(
    siteOf(['mta7.am0.yahoodns.net', 'mta5.am0.yahoodns.net', 'mta6.am0.yahoodns.net']),
    '(mta5|mta6|mta7).am0.yahoodns.net',
  );
  assert.equal(siteOf(['mx.example.com']), 'mx.example.com');
});

test('hosts without a common form are listed, so that strangers never share a name', () => {
  assert.equal(siteOf(['mx2.b.net', 'mx1.a.com']), '(mx1.a.com|mx2.b.net)');
  assert.notEqual(siteOf(['mx1.a.com', 'mx2.b.com']), siteOf(['mx2.a.com', 'mx1.b.com']));
});

test('domains that a provider hosts share one name', () => {
  assert.equal(siteOf(['contoso-com.mail.protection.outlook.com']), '*.mail.protection.outlook.com');
  assert.equal(siteOf(['a-b.q-v1.mx.microsoft']), '*.mx.microsoft');
  const workspace = ['aspmx.l.google.com', 'alt1.aspmx.l.google.com', 'aspmx2.googlemail.com'];
  assert.equal(siteOf(workspace), 'aspmx.l.google.com');
  assert.equal(siteOf(['smtp.google.com']), 'aspmx.l.google.com');
});

test('order, case and the final dot make no difference', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(gmail, { minLength: gmail.length }), fc.boolean(), (hosts, loud) => {
      const spelt = hosts.map((host) => (loud ? `${host.toUpperCase()}.` : host));
      assert.equal(siteOf(spelt), siteOf(gmail));
    }),
  );
});

test('a name is at most 200 characters, and different sets keep different names', () => {
  const many = (suffix: string) =>
    Array.from({ length: 60 }, (_, n) => `mx${n}.some-long-host-name.${suffix}.example`);
  assert.equal(siteOf(many('a')).length, 200);
  assert.notEqual(siteOf(many('a')), siteOf(many('b')));
});
