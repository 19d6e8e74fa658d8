/** The certificate of STARTTLS: the configured one, else one made for this run. */
import { readFileSync } from 'node:fs';
import { generate } from 'selfsigned';

const validDays = 365;

/** Throws when a file cannot be read. */
export const certificateFor = async (options: {
  readonly hostname: string;
  readonly cert_file?: string | undefined;
  readonly key_file?: string | undefined;
}): Promise<{ readonly cert: string; readonly key: string }> => {
  const { hostname, cert_file, key_file } = options;
  if (cert_file !== undefined && key_file !== undefined)
    return { cert: readFileSync(cert_file, 'utf8'), key: readFileSync(key_file, 'utf8') };
  const made = await generate([{ name: 'commonName', value: hostname }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + validDays * 86_400_000),
  });
  return { cert: made.cert, key: made.private };
};
