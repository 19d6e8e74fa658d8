import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { AwsV4Signer } from 'aws4fetch';
import { BlobError, type BlobErrorCode, type BlobStore } from './blob-store.ts';
import { createBlobStore } from './create-blob-store.ts';

const failsAs = (code: BlobErrorCode) => (error: unknown) =>
  error instanceof BlobError && error.code === code && error.transient === (code === 'ERR_BLOB_UNAVAILABLE');

const directory = await mkdtemp(join(tmpdir(), 'millrace-blobs-'));

/** The part of the S3 API that is used, with its signatures checked; `broken` makes it answer 503. */
const objects = new Map<string, Buffer>();
let broken = false;
const credentials = { accessKeyId: 'an id', secretAccessKey: 'a secret key' };
const server = createServer(async (request, response) => {
  const { method = '', url = '', headers } = request;
  const body = await buffer(request);
  const signer = new AwsV4Signer({
    ...credentials,
    method,
    url: `http://${headers.host}${url}`,
    service: 's3',
    region: 'eu-central-1',
    datetime: String(headers['x-amz-date']),
    headers: { 'x-amz-content-sha256': String(headers['x-amz-content-sha256']) },
  });
  const { headers: expected } = await signer.sign();
  const status = (code: number, content?: Buffer) => response.writeHead(code).end(content);
  if (expected.get('authorization') !== headers.authorization) return status(403);
  if (broken) return status(503);
  if (!url.startsWith('/bucket/')) return status(404);
  if (method === 'PUT') objects.set(url, body);
  if (method === 'DELETE') objects.delete(url);
  const object = objects.get(url);
  return method === 'DELETE'
    ? status(204)
    : status(object === undefined ? 404 : 200, method === 'GET' ? object : undefined);
});
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
const isAddress = (address: AddressInfo | string | null): address is AddressInfo =>
  address !== null && typeof address !== 'string';
const address = server.address();
const endpoint = `http://127.0.0.1:${isAddress(address) ? address.port : 0}/`;
const s3 = {
  kind: 's3' as const,
  endpoint,
  bucket: 'bucket',
  region: 'eu-central-1',
  access_key_id: credentials.accessKeyId,
  secret_access_key: credentials.secretAccessKey,
};
after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true });
});

const stores: readonly (readonly [string, BlobStore])[] = [
  ['file', createBlobStore({ kind: 'file', directory })],
  ['s3', createBlobStore(s3)],
];

for (const [kind, store] of stores) {
  test(`${kind}: what is put is got again, from bytes or a stream`, async () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index & 255));
    const ref = await store.put(content);
    assert.match(ref, /^[0-9a-f]{44}$/);
    assert.deepEqual(await store.get(ref, 300_000), content);
    const chunks = async function* () {
      yield content.subarray(0, 1_000);
      yield content.subarray(1_000);
    };
    assert.deepEqual(await store.get(await store.put(chunks()), 300_000), content);
    assert.deepEqual(await store.get(await store.put(Buffer.alloc(0)), 0), Buffer.alloc(0));
  });

  test(`${kind}: a content that is too large, gone or never was is said by its code`, async () => {
    const ref = await store.put(Buffer.alloc(1_000));
    await assert.rejects(store.get(ref, 999), failsAs('ERR_BLOB_TOO_LARGE'));
    await store.delete(ref);
    await store.delete(ref);
    await assert.rejects(store.get(ref, 1_000), failsAs('ERR_BLOB_MISSING'));
    for (const wrong of ['', '../../etc/passwd', `${ref}/x`, ref.toUpperCase(), ref.slice(1)]) {
      await assert.rejects(store.get(wrong, 1_000), failsAs('ERR_BLOB_REF'), wrong);
      await assert.rejects(store.delete(wrong), failsAs('ERR_BLOB_REF'), wrong);
    }
  });
}

test('file: a write that fails leaves nothing behind', async () => {
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half of it');
    throw new Error('gone');
  };
  const [, store] = stores[0] ?? [];
  await assert.rejects(store?.put(broken()) ?? Promise.resolve(), failsAs('ERR_BLOB_UNAVAILABLE'));
  const names = await readdir(directory, { recursive: true });
  assert.deepEqual(
    names.filter((name) => name.endsWith('.part')),
    [],
  );
});

test('file: a directory that cannot be written is said so', async () => {
  const file = join(directory, 'a-file');
  await writeFile(file, '');
  await assert.rejects(
    createBlobStore({ kind: 'file', directory: file }).put(Buffer.from('x')),
    failsAs('ERR_BLOB_UNAVAILABLE'),
  );
});

test('s3: a server that is busy, refuses or is not there is said so', async () => {
  const store = createBlobStore(s3);
  broken = true;
  await assert.rejects(store.put(Buffer.from('x')), failsAs('ERR_BLOB_UNAVAILABLE'));
  broken = false;
  await assert.rejects(
    createBlobStore({ ...s3, secret_access_key: 'wrong' }).put(Buffer.from('x')),
    failsAs('ERR_BLOB_UNAVAILABLE'),
  );
  await assert.rejects(
    createBlobStore({ ...s3, bucket: 'none' }).put(Buffer.from('x')),
    failsAs('ERR_BLOB_UNAVAILABLE'),
  );
  await assert.rejects(
    createBlobStore({ ...s3, endpoint: 'http://127.0.0.1:1' }).put(Buffer.from('x')),
    failsAs('ERR_BLOB_UNAVAILABLE'),
  );
});
