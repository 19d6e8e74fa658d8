import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ed25519Key, rsaKey } from '../specimen.ts';
import { DkimKeyError, dkimKey, dkimRecord } from './dkim-key.ts';
import { DkimKeyring } from './dkim-keyring.ts';

const pem = (bits: number): string =>
  generateKeyPairSync('rsa', { modulusLength: bits })
    .privateKey.export({ type: 'pkcs1', format: 'pem' })
    .toString();

const refused = (options: Partial<Parameters<typeof dkimKey>[0]>, words: RegExp): void => {
  const given = {
    domain: 'example.com',
    selector: 's',
    algorithm: 'rsa-sha256' as const,
    pem: 'x',
    ...options,
  };
  assert.throws(
    () => dkimKey(given),
    (error) => error instanceof DkimKeyError && error.code === 'ERR_DKIM_KEY' && words.test(error.message),
  );
};

test('a key that cannot sign is refused with its name and the reason', () => {
  const good = pem(2_048);
  refused({}, /s\._domainkey\.example\.com: not a PEM private key/);
  refused({ pem: pem(512) }, /512 bits are too few/);
  refused({ pem: good, algorithm: 'ed25519-sha256' }, /holds a key of type rsa/);
  refused({ pem: good, domain: 'no domain' }, /is not a domain/);
  refused({ pem: good, selector: 'a..b' }, /is not a selector/);
});

test('records are what DNS publishes', () => {
  assert.match(dkimRecord(rsaKey), /^v=DKIM1; k=rsa; p=MII[A-Za-z0-9+/=]+$/);
  assert.match(dkimRecord(ed25519Key), /^v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=$/);
});

test("a domain's keys sign for its subdomains, the nearest first", () => {
  const near = { ...rsaKey, domain: 'mail.example.com' };
  const keyring = new DkimKeyring([rsaKey, ed25519Key, near]);
  assert.deepEqual(keyring.keysFor('example.com'), [rsaKey, ed25519Key]);
  assert.deepEqual(keyring.keysFor('a.b.example.com'), [rsaKey, ed25519Key]);
  assert.deepEqual(keyring.keysFor('x.mail.example.com'), [near]);
  assert.deepEqual(keyring.keysFor('notexample.com'), []);
  assert.deepEqual(keyring.keysFor('com'), []);
});

test('domains without keys are signed by the fallback domain, when there is one', () => {
  assert.deepEqual(new DkimKeyring([rsaKey], 'Example.COM').keysFor('other.test'), [rsaKey]);
  assert.throws(
    () => new DkimKeyring([rsaKey], 'other.test'),
    /dkim_fallback_domain: there are no DKIM keys for "other.test"/,
  );
});

test('key files are read, and a missing one is named', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-keys-'));
  try {
    const key_file = join(directory, 'key.pem');
    await writeFile(key_file, pem(1_024));
    const keys = [{ selector: 's', algorithm: 'rsa-sha256' as const, key_file }];
    assert.equal(
      DkimKeyring.load([{ domain: 'example.com', keys }]).keysFor('example.com')[0]?.selector,
      's',
    );
    const gone = [{ selector: 's', algorithm: 'rsa-sha256' as const, key_file: `${key_file}.gone` }];
    assert.throws(
      () => DkimKeyring.load([{ domain: 'example.com', keys: gone }]),
      /key\.pem\.gone cannot be read/,
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});
