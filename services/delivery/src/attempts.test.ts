import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SendResult, SmtpError } from '@millrace/smtp';
import { Attempts } from './attempts.ts';
import { testJob } from './job-rig.ts';
import type { Session } from './session.ts';
import { DeliveryTally } from './tally.ts';

const closed = new SmtpError('ERR_SMTP_CLOSED', 'mail', 'The connection is closed');
/** The session ended before the mail's turn. */
const gone: SendResult = { kind: 'failed', phase: 'mail', error: closed, dotSent: false };

test('a message that comes back from a session that was over is begun no more, for whoever has it next', async () => {
  const journal: string[] = [];
  const ended: string[] = [];
  const told = (how: string) => (): void => {
    ended.push(how);
  };
  const attempts = new Attempts({
    journal: {
      begin: async (ids) => {
        journal.push('begin');
        return ids.map(() => ({ kind: 'none' }));
      },
      claim: async () => ({ kind: 'none' }),
      done: async () => {
        journal.push('done');
      },
      undo: async () => {
        journal.push('undo');
      },
    },
    outcomes: {
      delivered: told('delivered'),
      repeated: told('repeated'),
      postponed: told('postponed'),
      deferred: told('deferred'),
      bounced: told('bounced'),
      expired: told('expired'),
    },
    tally: new DeliveryTally(),
    now: () => 1_700_000_000_000,
  });
  const session: Session = {
    host: 'mx.example',
    remoteAddress: null,
    tls: null,
    usable: true,
    ready: true,
    joins: false,
    deliveries: 5,
    send: async (_mail, hooks) => {
      await hooks.beforeDot?.();
      return gone;
    },
    onClosed: () => undefined,
    quit: async () => undefined,
  };
  const job = testJob();
  job.mail = {
    envelope: { mailFrom: 'a@acme.example', rcptTo: 'user@gmail.com' },
    smtpUtf8: false,
    eightBit: false,
    data: Buffer.from('\r\n'),
  };
  const lane = { source: { name: 'one' }, limits: { retryScheduleMs: null } };
  const result = await attempts.send(job, session);
  const comesBack = attempts.answered(job, lane, { session, deliveries: 5, inFlight: 0 }, result, 1);
  assert.equal(comesBack, true);
  assert.deepEqual(journal, ['begin', 'undo']);
  assert.deepEqual(ended, []);
  assert.equal(attempts.inSession.size, 0);
});
