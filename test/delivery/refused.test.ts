import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type DeliveryRig, startRig } from './delivery-rig.ts';

let rig: DeliveryRig;
before(async () => {
  rig = await startRig({ sandbox: { verify: 'off' } });
  await rig.startWorker();
});
after(() => rig.stop());

test('an unknown user bounces with what the server said', async () => {
  const task = rig.task('unknown+1@gmail.com');
  await rig.send(task);
  const event = await rig.event(task, 'bounced');
  assert.equal(event.reply_code, 550);
  assert.equal(event.enhanced_code, '5.1.1');
  assert.equal(event.bounce_category, 'invalid_recipient');
  assert.equal(event.phase, 'rcpt');
  assert.equal(event.attempt, 1);
  assert.match(event.text ?? '', /does not exist/);
});

test('what is rejected after the dot bounces, and the connection goes on', async () => {
  const task = rig.task('spam@tail-01.test');
  const next = rig.task('ada@tail-01.test');
  await rig.send(task, next);
  assert.equal((await rig.event(task, 'bounced')).phase, 'body');
  await rig.event(next, 'delivered');
});

test('a deferred message waits in a delay tier and is tried again with the next attempt', async () => {
  const task = rig.task('defer-2@tail-02.test');
  await rig.send(task);
  for (const attempt of [1, 2]) {
    const event = await rig.until(() =>
      rig.events.find((one) => one.message_id === task.message_id && one.attempt === attempt),
    );
    assert.equal(event.kind, 'deferred');
    assert.equal(event.event_id, `${task.message_id}:deferred:${attempt}`);
    const delayed = await rig.until(() =>
      rig.delays.find(
        ({ value }) => value.message_id === task.message_id && value.due_at === event.next_attempt_at,
      ),
    );
    assert.equal(delayed.value.reason, 'retry');
    assert.equal(delayed.value.target_topic, 'mail.batch.other');
    assert.equal(delayed.value.key.toString(), 'tail-02.test');
    assert.ok(delayed.value.due_at > task.accepted_at + 60_000);
    await rig.releaseDelayed();
  }
  const event = await rig.event(task, 'delivered');
  assert.equal(event.attempt, 3);
  assert.deepEqual(rig.kindsOf(task), ['deferred', 'deferred', 'delivered']);
});

test('greylisting is recognised and waited for', async () => {
  await rig.sandbox.behave('tail-03', { greylist_seconds: 1 });
  const task = rig.task('ada@tail-03.test');
  await rig.send(task);
  const event = await rig.event(task, 'deferred');
  assert.equal(event.bounce_category, 'greylisted');
  assert.ok((event.next_attempt_at ?? 0) >= event.time + 300_000);
  await rig.until(() => rig.delays.some(({ value }) => value.message_id === task.message_id));
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await rig.releaseDelayed();
  await rig.event(task, 'delivered');
});

test('a message that grew too old is expired, without a try', async () => {
  const task = rig.task('old@tail-04.test', { expires_at: Date.now() - 1 });
  await rig.send(task);
  const event = await rig.event(task, 'expired');
  assert.equal(event.attempt, 0);
  assert.equal(event.enhanced_code, '5.4.7');
});

test('a retry that would come too late is no retry: the message is expired with the last answer', async () => {
  const task = rig.task('defer@tail-04.test', { expires_at: Date.now() + 20_000 });
  await rig.send(task);
  const event = await rig.event(task, 'expired');
  assert.equal(event.attempt, 1);
  assert.match(event.text ?? '', /too old\. Last: /);
  assert.equal(event.reply_code, 451);
});

test('a domain without mail, and one that is gone, bounce by what DNS says', async () => {
  const nullMx = rig.task('ada@nullmx.test');
  const gone = rig.task('ada@does-not-exist.test');
  await rig.send(nullMx, gone);
  assert.equal((await rig.event(nullMx, 'bounced')).bounce_category, 'no_mx');
  assert.equal((await rig.event(gone, 'bounced')).bounce_category, 'invalid_domain');
});

test('a server that is busy in its greeting defers one message at a time', async () => {
  await rig.sandbox.behave('tail-05', { unavailable: 'busy' });
  const task = rig.task('ada@tail-05.test');
  await rig.send(task);
  const event = await rig.event(task, 'deferred');
  assert.equal(event.reply_code, 421);
  assert.equal(event.phase, 'greeting');
});

test('where nothing listens all that waits there is deferred together', async () => {
  await rig.sandbox.behave('tail-06', { unavailable: 'refuse' });
  const tasks = Array.from({ length: 15 }, (_, index) => rig.task(`user-${index}@tail-06.test`));
  await rig.send(...tasks);
  for (const task of tasks) {
    const event = await rig.event(task, 'deferred');
    assert.equal(event.bounce_category, 'connection_failed');
    assert.equal(event.mx, 'mx.tail-06.test');
  }
});
