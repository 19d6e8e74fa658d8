/** What a domain says of its servers' TLS: RFC 8461 3.2. */
export interface StsPolicy {
  /** `testing` asks for reports, not for refusals; `none` takes a policy back. */
  readonly mode: 'enforce' | 'testing' | 'none';
  /** Host names in lower case, `*.` for any one label. */
  readonly mx: readonly string[];
  readonly maxAgeSeconds: number;
}

/** A file that is no policy; the message says what is wrong with it. */
export class StsPolicyError extends Error {
  override readonly name = 'StsPolicyError';
  readonly code = 'ERR_MTA_STS_POLICY';
}

const longestAgeSeconds = 31_557_600;
const mxForm = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const line = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*$/;

const modeOf = (text: string | undefined): StsPolicy['mode'] => {
  if (text === 'enforce' || text === 'testing' || text === 'none') return text;
  throw new StsPolicyError(text === undefined ? 'no mode' : `the mode ${JSON.stringify(text.slice(0, 40))}`);
};

/** Reads a policy file. Fields that nobody knows are passed over. Throws StsPolicyError. */
export const parseStsPolicy = (text: string): StsPolicy => {
  const fields = new Map<string, string>();
  const mx = new Set<string>();
  for (const written of text.split(/\r?\n/)) {
    const [, name, value] = line.exec(written) ?? [];
    if (name === undefined || value === undefined) continue;
    if (name === 'mx') mx.add(value.toLowerCase());
    else if (!fields.has(name)) fields.set(name, value);
  }
  if (fields.get('version') !== 'STSv1') throw new StsPolicyError('not of version STSv1');
  const mode = modeOf(fields.get('mode'));
  const age = fields.get('max_age') ?? '';
  if (!/^\d{1,10}$/.test(age) || Number(age) > longestAgeSeconds) {
    throw new StsPolicyError(`max_age is not 0 to ${longestAgeSeconds} seconds`);
  }
  for (const pattern of mx) {
    if (!mxForm.test(pattern)) throw new StsPolicyError(`the mx ${JSON.stringify(pattern.slice(0, 80))}`);
  }
  if (mode !== 'none' && mx.size === 0) throw new StsPolicyError('no mx');
  return { mode, mx: [...mx], maxAgeSeconds: Number(age) };
};

/** Whether the policy names this host, RFC 8461 4.1. `host` in lower case, without a final dot. */
export const allowsMx = (policy: StsPolicy, host: string): boolean => {
  const dot = host.indexOf('.');
  const parent = dot === -1 ? undefined : `*${host.slice(dot)}`;
  return policy.mx.some((pattern) => pattern === host || pattern === parent);
};
