/** Blobs as files: for one machine, or a directory that all of them mount. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobError, type BlobRef, type BlobStore, newBlobRef, parseBlobRef } from './blob-store.ts';

/** A directory for about four and a half hours each (2^24 ms), so that none grows without end. */
const folderOf = (ref: BlobRef): string => ref.slice(0, 6);

const errorCode = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

const unavailable = (what: string, cause: unknown): BlobError =>
  new BlobError(
    'ERR_BLOB_UNAVAILABLE',
    `${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  );

/** Makes a directory's new entry durable: without it a crash can forget a file whose content was synced. */
const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
};

export const fileBlobStore = (directory: string): BlobStore => {
  const pathOf = (ref: BlobRef): string => join(directory, folderOf(ref), ref);

  const write = async (path: string, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> => {
    const file = await open(path, 'wx', 0o600);
    try {
      if (content instanceof Uint8Array) await file.writeFile(content);
      else for await (const chunk of content) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
  };

  return {
    put: async (content) => {
      const ref = newBlobRef(Date.now(), randomBytes(16));
      const path = pathOf(ref);
      const unfinished = `${path}.part`;
      try {
        await mkdir(join(directory, folderOf(ref)), { recursive: true, mode: 0o700 });
        await write(unfinished, content);
        await rename(unfinished, path);
        await syncDirectory(join(directory, folderOf(ref)));
        return ref;
      } catch (cause) {
        // Where not even this works, the first failure says more.
        await Promise.allSettled([rm(unfinished, { force: true })]);
        throw unavailable(`The blob store ${directory} cannot be written to`, cause);
      }
    },

    get: async (text, maxBytes) => {
      const ref = parseBlobRef(text);
      try {
        const file = await open(pathOf(ref), 'r');
        try {
          const { size } = await file.stat();
          if (size > maxBytes) {
            throw new BlobError(
              'ERR_BLOB_TOO_LARGE',
              `Blob ${ref} has ${size} bytes; ${maxBytes} are allowed.`,
            );
          }
          return await file.readFile();
        } finally {
          await file.close();
        }
      } catch (cause) {
        if (cause instanceof BlobError) throw cause;
        if (errorCode(cause) === 'ENOENT') {
          throw new BlobError('ERR_BLOB_MISSING', `Blob ${ref} is not in ${directory}.`, { cause });
        }
        throw unavailable(`Blob ${ref} cannot be read`, cause);
      }
    },

    delete: async (text) => {
      const ref = parseBlobRef(text);
      try {
        await rm(pathOf(ref), { force: true });
      } catch (cause) {
        throw unavailable(`Blob ${ref} cannot be deleted`, cause);
      }
    },
  };
};
