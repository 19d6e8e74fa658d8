/** Debian's Postfix beside it: the same 10 KB mails, already rendered and not signed, relayed to the same sink. */
import { startPostfix } from '../peers/postfix.ts';
import type { Bed } from './bed.ts';
import { domains, rawMessage, recipientOf, sender } from './content.ts';
import type { Submitted } from './load/http-load.ts';
import { SmtpLoad } from './load/smtp-load.ts';
import { preciseNow } from './sink.ts';
import type { SystemUnderTest } from './system.ts';

const connections = 20;

/** Throws a UserError when Postfix is not on the PATH or does not start. */
export async function postfixSystem(bed: Bed): Promise<SystemUnderTest & { close(): Promise<void> }> {
  const about: {
    isps: readonly { hosts: readonly { address: string }[]; domains: readonly string[] }[];
  } = JSON.parse(await (await fetch(`${bed.pipeline.endpoints.sandbox.http}/about`)).text());
  const routes = Object.fromEntries(
    domains.map((domain) => {
      const address = about.isps.find((isp) => isp.domains.includes(domain))?.hosts[0]?.address;
      return [domain, `${address}:${bed.sinkPort}`];
    }),
  );
  const postfix = await startPostfix({ routes });
  const open = (): Promise<SmtpLoad> =>
    SmtpLoad.open({ host: postfix.host, port: postfix.port }, connections);
  const mailOf = (name: string, number: number) => {
    const to = recipientOf(name, number);
    return { to, from: sender, source: rawMessage(to, number) };
  };
  const mails = function* (name: string, count: number) {
    for (let number = 0; number < count; number += 1) yield mailOf(name, number);
  };

  const submitAll = async (name: string, count: number): Promise<Submitted> => {
    const load = await open();
    const submitted = await load.sendAll(mails(name, count));
    load.close();
    return submitted;
  };

  return {
    name: 'postfix',
    sink: bed.sink,
    processes: () => [{ name: 'postfix', pid: postfix.pid, tree: true }],
    submitAll,
    async submitPaced(name, ratePerSecond, going) {
      const load = await open();
      const submitted: Submitted = new Map();
      const taken: Promise<void>[] = [];
      const start = performance.now();
      let number = 0;
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          while (going(number) && performance.now() - start >= (number * 1_000) / ratePerSecond) {
            const mail = mailOf(name, number);
            submitted.set(mail.to, preciseNow());
            taken.push(load.send(mail));
            number += 1;
          }
          if (going(number)) return;
          clearInterval(timer);
          resolve();
        }, 1);
      });
      await Promise.all(taken);
      load.close();
      return submitted;
    },
    async submitBurst(name, count) {
      const load = await open();
      const now = preciseNow();
      const submitted: Submitted = new Map([...mails(name, count)].map(({ to }) => [to, now]));
      await load.sendAll(mails(name, count));
      load.close();
      return submitted;
    },
    async submitRaw(name, count) {
      return { smtp: await submitAll(name, count) };
    },
    close: () => postfix.stop(),
  };
}
