/** The blob store that the configuration names. */
import type { BlobStore } from './blob-store.ts';
import { fileBlobStore } from './file-blob-store.ts';
import { s3BlobStore } from './s3-blob-store.ts';

/** `blobs` of the configuration. */
export type BlobOptions =
  | { readonly kind: 'file'; readonly directory: string }
  | {
      readonly kind: 's3';
      /** https://s3.eu-central-1.amazonaws.com or another S3 API. */
      readonly endpoint: string;
      readonly bucket: string;
      readonly region: string;
      readonly access_key_id: string;
      readonly secret_access_key: string;
    };

export const createBlobStore = (options: BlobOptions): BlobStore => {
  switch (options.kind) {
    case 'file':
      return fileBlobStore(options.directory);
    case 's3':
      return s3BlobStore(options);
    default: {
      const never: never = options;
      return never;
    }
  }
};
