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

/** Notes what it is told. */
const testAttempts = (journal: string[], ended: string[]): Attempts => {
  const told = (how: string) => (): void => {
    ended.push(how);
  };
  return new Attempts({
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
};

const testSession = (send: Session['send']): Session => ({
  host: 'mx.example',
  remoteAddress: null,
  tls: null,
  usable: true,
  ready: true,
  joins: false,
  deliveries: 5,
  send,
  onClosed: () => undefined,
  quit: async () => undefined,
});

test('a message that comes back from a session that was over is begun no more, for whoever has it next', async () => {
  const journal: string[] = [];
  const ended: string[] = [];
  const attempts = testAttempts(journal, ended);
  const session = testSession(async (_mail, hooks) => {
    await hooks.beforeDot?.();
    return gone;
  });
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

test('a mail counts as taken by the network when that is told of this mail, not of the one before it', async () => {
  const job = testJob();
  const mailOf = (text: string) => ({
    envelope: { mailFrom: 'a@acme.example', rcptTo: 'user@gmail.com' },
    smtpUtf8: false,
    eightBit: false,
    data: Buffer.from(text),
  });
  const told: (() => void)[] = [];
  const session = testSession(async (_mail, hooks) => {
    told.push(hooks.taken ?? (() => assert.fail('nobody wants to know')));
    return gone;
  });
  const attempts = testAttempts([], []);
  job.mail = mailOf('first');
  await attempts.send(job, session);
  assert.equal(job.taken, false);
  job.mail = mailOf('second');
  await attempts.send(job, session);
  told[0]?.();
  assert.equal(job.taken, false);
  told[1]?.();
  assert.equal(job.taken, true);
});
