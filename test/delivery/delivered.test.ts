import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type DeliveryRig, startRig } from './delivery-rig.ts';

let rig: DeliveryRig;
before(async () => {
  rig = await startRig();
  await rig.startWorker();
});
after(() => rig.stop());

test('a message arrives signed, authenticated and with the headers that providers ask for', async () => {
  const task = rig.task('ada@gmail.com', { campaign: 'spring' });
  await rig.send(task);
  const event = await rig.event(task, 'delivered');
  assert.equal(event.reply_code, 250);
  assert.equal(event.source, 'one');
  assert.equal(event.mx, 'gmail-smtp-in.l.google.com');
  assert.equal(event.attempt, 1);
  const [mail] = await rig.sandbox.messages({ to: 'ada@gmail.com', waitMs: 20_000 });
  assert.equal(mail?.auth.dmarc?.result, 'pass');
  assert.deepEqual(
    mail?.auth.dkim?.map(({ result, algorithm }) => `${algorithm} ${result}`),
    ['rsa-sha256 pass', 'ed25519-sha256 pass'],
  );
});
