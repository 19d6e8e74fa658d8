/** Blobs as objects behind the S3 API, addressed by path, as every implementation of it understands. */
import { randomBytes } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import { BlobError, type BlobStore, newBlobRef, parseBlobRef } from './blob-store.ts';

/** One request, to its last byte, ms. */
const requestTimeoutMs = 60_000;

export interface S3Options {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly access_key_id: string;
  readonly secret_access_key: string;
}

const collected = async (content: Uint8Array | AsyncIterable<Uint8Array>): Promise<Buffer> => {
  if (content instanceof Uint8Array)
    return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
};

export const s3BlobStore = (options: S3Options): BlobStore => {
  const client = new AwsClient({
    accessKeyId: options.access_key_id,
    secretAccessKey: options.secret_access_key,
    region: options.region,
    service: 's3',
    retries: 2,
  });
  const base = `${options.endpoint.replace(/\/+$/, '')}/${options.bucket}`;

  const request = async (method: string, ref: string, body?: Buffer): Promise<Response> => {
    try {
      const response = await client.fetch(`${base}/${ref}`, {
        method,
        signal: AbortSignal.timeout(requestTimeoutMs),
        ...(body === undefined ? {} : { body: new Uint8Array(body) }),
      });
      if (response.ok || response.status === 404) return response;
      await response.body?.cancel();
      throw new BlobError('ERR_BLOB_UNAVAILABLE', `${method} ${base}/${ref}: HTTP ${response.status}.`);
    } catch (cause) {
      if (cause instanceof BlobError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new BlobError('ERR_BLOB_UNAVAILABLE', `${method} ${base}/${ref}: ${why}`, { cause });
    }
  };

  return {
    put: async (content) => {
      const ref = newBlobRef(Date.now(), randomBytes(16));
      const response = await request('PUT', ref, await collected(content));
      await response.body?.cancel();
      // The only thing that can be missing is the bucket, which somebody may still make.
      if (!response.ok) throw new BlobError('ERR_BLOB_UNAVAILABLE', `There is no bucket at ${base}.`);
      return ref;
    },

    get: async (text, maxBytes) => {
      const ref = parseBlobRef(text);
      const response = await request('GET', ref);
      if (!response.ok || response.body === null) {
        await response.body?.cancel();
        throw new BlobError('ERR_BLOB_MISSING', `Blob ${ref} is not at ${base}.`);
      }
      const chunks: Uint8Array[] = [];
      let size = 0;
      try {
        for await (const chunk of response.body) {
          size += chunk.length;
          if (size > maxBytes) {
            throw new BlobError(
              'ERR_BLOB_TOO_LARGE',
              `Blob ${ref} has more than the ${maxBytes} bytes that are allowed.`,
            );
          }
          chunks.push(chunk);
        }
      } catch (cause) {
        if (cause instanceof BlobError) throw cause;
        throw new BlobError('ERR_BLOB_UNAVAILABLE', `Blob ${ref} broke off after ${size} bytes.`, { cause });
      }
      return Buffer.concat(chunks);
    },

    delete: async (text) => {
      const response = await request('DELETE', parseBlobRef(text));
      await response.body?.cancel();
    },
  };
};
