/** Sends through a pipeline that has just started, as any application would, and asks the sandbox what arrived. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Endpoints } from '../pipeline/endpoints.ts';
import { UserError } from '../stack/user-error.ts';

/** One mail at the sandbox. */
export interface DemonstratedMail {
  readonly stream: 'realtime' | 'batch';
  /** Sandbox ISP that took it; the long tail is `tail`. */
  readonly provider: string;
  /** From the start of the API call to the final dot, ms. */
  readonly tookMs: number;
  readonly tls: boolean;
  readonly spf: string;
  readonly dkim: string;
  readonly dmarc: string;
}

export interface Demonstration {
  readonly sent: number;
  readonly mails: readonly DemonstratedMail[];
}

/** As much of the sandbox's `GET /messages` as is read here. */
interface SandboxMail {
  readonly isp: string;
  readonly received_at_precise: number;
  readonly tls: object | null;
  readonly auth: {
    readonly spf?: { readonly result: string };
    readonly dkim?: readonly { readonly result: string }[];
    readonly dmarc?: { readonly result: string };
  };
}

const from = { name: 'Millrace', address: 'hello@millrace.test' };
const templateId = 'millrace-demo';
const waitMs = 60_000;

/** Ten mailboxes at each of nine providers, and one at each of ten domains of the long tail. */
const domains: readonly string[] = [
  'gmail.com',
  'yahoo.com',
  'outlook.com',
  'contoso.test',
  'icloud.com',
  'comcast.net',
  'gmx.net',
  'orange.fr',
  'mimecast-tenant.test',
  'tail',
];

const now = (): number => performance.timeOrigin + performance.now();

/**
 * One password reset, and when it has arrived one campaign to 100 recipients. Resolves with what arrived within a minute.
 * Throws a UserError (`ERR_DEMONSTRATION`) when the API does not take them.
 */
export async function demonstrate(endpoints: Endpoints, signal: AbortSignal): Promise<Demonstration> {
  const run = randomBytes(3).toString('hex');
  const api = apiOf(endpoints, signal);
  await api('PUT', `/v1/templates/${templateId}`, {
    language: 'liquid',
    subject: 'News of week {{ week }} for {{ first_name }}',
    text: 'Hello {{ first_name }}, this is the news of week {{ week }}.\n',
    html: '<p>Hello {{ first_name }},</p><p>this is the news of week {{ week }}.</p>',
  });

  const realtimeAt = now();
  await api('POST', '/v1/messages', {
    from,
    to: [`ada.${run}@gmail.com`],
    category: 'password_reset',
    subject: 'Your new password',
    text: 'Follow this link to choose a new password: https://millrace.test/reset\n',
  });
  const realtime = await arrivals(endpoints, `ada.${run}@`, 1, signal);

  const batchAt = now();
  await api('POST', '/v1/messages', {
    from,
    to: recipients(run),
    stream: 'batch',
    campaign: 'millrace-demo',
    template: templateId,
    variables: { week: 1 },
  });
  const batch = await arrivals(endpoints, `.${run}.reader@`, 100, signal);
  return {
    sent: 101,
    mails: [
      ...realtime.map((mail) => shown('realtime', realtimeAt, mail)),
      ...batch.map((mail) => shown('batch', batchAt, mail)),
    ],
  };
}

function recipients(run: string): readonly { readonly address: string; readonly variables: object }[] {
  return domains.flatMap((domain) =>
    Array.from({ length: 10 }, (_, index) => {
      const number = String(index + 1).padStart(2, '0');
      const host = domain === 'tail' ? `tail-${number}.test` : domain;
      return { address: `${number}.${run}.reader@${host}`, variables: { first_name: `Reader ${number}` } };
    }),
  );
}

function apiOf(endpoints: Endpoints, signal: AbortSignal) {
  return async (method: 'PUT' | 'POST', path: string, body: object): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch(`${endpoints.ingest.http}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${endpoints.apiKey}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(waitMs)]),
      });
      const text = await response.text();
      if (response.ok) return;
      // Kafka was away for a moment: the API says when to come back.
      if (response.status === 503 && attempt < 5) {
        await delay(1_000 * Number(response.headers.get('retry-after') ?? 1), undefined, { signal });
        continue;
      }
      throw new UserError(
        'ERR_DEMONSTRATION',
        `The demonstration could not be sent: ${method} ${path} answered ${response.status} ${text.slice(0, 400)}`,
      );
    }
  };
}

/** Mails whose recipient contains `search`, checked for SPF, DKIM and DMARC, or those that came within the time. */
async function arrivals(
  endpoints: Endpoints,
  search: string,
  count: number,
  signal: AbortSignal,
): Promise<readonly SandboxMail[]> {
  const query = new URLSearchParams({
    search,
    min: String(count),
    limit: String(count),
    wait_ms: String(waitMs),
    raw: 'false',
  });
  const response = await fetch(`${endpoints.sandbox.http}/messages?${query}`, { signal });
  const { messages }: { messages: readonly SandboxMail[] } = JSON.parse(await response.text());
  return messages;
}

function shown(stream: DemonstratedMail['stream'], sentAt: number, mail: SandboxMail): DemonstratedMail {
  const signatures = mail.auth.dkim ?? [];
  return {
    stream,
    provider: mail.isp.replace(/^tail-\d+$/, 'tail'),
    tookMs: mail.received_at_precise - sentAt,
    tls: mail.tls !== null,
    spf: mail.auth.spf?.result ?? 'none',
    dkim:
      signatures.find(({ result }) => result !== 'pass')?.result ?? (signatures.length > 0 ? 'pass' : 'none'),
    dmarc: mail.auth.dmarc?.result ?? 'none',
  };
}
