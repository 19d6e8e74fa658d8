/** Millrace under test: templated mails by HTTP, whole messages by HTTP and SMTP. */
import type { Bed } from './bed.ts';
import { rawMessage, recipientOf, sender, template, variablesOf } from './content.ts';
import { HttpLoad, type MailToSubmit, type Submitted, submitBatch, submitPaced } from './load/http-load.ts';
import { SmtpLoad } from './load/smtp-load.ts';
import { preciseNow } from './sink.ts';
import type { SystemUnderTest } from './system.ts';

const templateId = 'order';
const connections = 32;
const smtpConnections = 20;

/** Stores the template first. */
export async function millraceSystem(bed: Bed): Promise<SystemUnderTest & { close(): void }> {
  const { endpoints } = bed.pipeline;
  const load = new HttpLoad(endpoints, connections);
  await load.putTemplate(templateId, template);

  const templated = (name: string, number: number, fields: object): MailToSubmit => {
    const to = recipientOf(name, number);
    return {
      to,
      body: { from: sender, to: [to], template: templateId, variables: variablesOf(number), ...fields },
    };
  };
  const realtime = (name: string) => (number: number) =>
    templated(name, number, { category: 'notification' });

  return {
    name: 'millrace',
    sink: bed.sink,
    processes: bed.processes,
    kafkaBytes: bed.kafkaBytes,
    submitAll: (name, count) =>
      submitBatch(
        endpoints,
        made(count, (number) => templated(name, number, { stream: 'batch', campaign: name })),
      ),
    submitPaced: (name, ratePerSecond, going) => submitPaced(load, ratePerSecond, realtime(name), going),
    async submitBurst(name, count) {
      const submitted: Submitted = new Map();
      const mailOf = realtime(name);
      const mails = Array.from({ length: count }, (_, number) => mailOf(number));
      const now = preciseNow();
      for (const { to } of mails) submitted.set(to, now);
      await Promise.all(mails.map(({ body }) => load.send(body)));
      return submitted;
    },
    async submitRaw(name, count) {
      const half = Math.ceil(count / 2);
      const byApi = await submitBatch(
        endpoints,
        made(half, (number) => {
          const to = recipientOf(`${name}-api`, number);
          return { to, body: { to: [to], raw: rawMessage(to, number), stream: 'batch' } };
        }),
      );
      await bed.sink.until(half);
      const smtp = await SmtpLoad.open(submissionOf(bed), smtpConnections);
      const bySmtp = await smtp.sendAll(
        made(count - half, (number) => {
          const to = recipientOf(`${name}-smtp`, number);
          return { to, from: sender, source: rawMessage(to, number) };
        }),
      );
      smtp.close();
      return { api: byApi, smtp: bySmtp };
    },
    close: () => load.close(),
  };
}

function submissionOf(bed: Bed) {
  const { smtp } = bed.pipeline.endpoints.ingest;
  const [host = '', port = ''] = smtp.split(':');
  return {
    host,
    port: Number(port),
    credentials: { user: 'local', password: bed.pipeline.endpoints.apiKey },
  };
}

function* made<T>(count: number, make: (number: number) => T): Generator<T, undefined> {
  for (let number = 0; number < count; number += 1) yield make(number);
}
