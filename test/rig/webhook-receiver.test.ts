import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { outOfOrder, type ReceiverOptions, WebhookReceiver } from './webhook-receiver.ts';

const expected = new Map([
  ['m', new Set(['m:accepted', 'm:delivered', 'm:complained'])],
  ['n', new Set(['n:accepted'])],
]);

let receiver: WebhookReceiver | undefined;
afterEach(() => receiver?.close());

const listen = async (over: Partial<ReceiverOptions> = {}): Promise<WebhookReceiver> => {
  receiver = await WebhookReceiver.listen({ seed: 1, refusedShare: 0, mostRefusals: 1_000, ...over });
  return receiver;
};

/** Posts events by their ids, which begin with their message's; the status. */
const post = async ({ url, secret }: WebhookReceiver, ids: readonly string[], key = secret) => {
  const events = ids.map((id) => ({ id, data: { message_id: id.split(':')[0] } }));
  const body = JSON.stringify({ version: 1, events });
  const now = new Date();
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': new Webhook(key).sign('evt_1', now, body),
  };
  return (await fetch(url, { method: 'POST', headers, body })).status;
};

test('the receiver counts what is missing, comes twice, was not to come, or comes before its time', async () => {
  const to = await listen();
  assert.equal(await post(to, ['m:accepted', 'm:complained']), 200);
  assert.equal(await post(to, ['m:delivered', 'm:accepted', 'x:accepted']), 200);
  const tally = to.tally(expected);
  assert.deepEqual(
    [
      tally.expected,
      tally.received,
      tally.missing,
      tally.unexpected,
      tally.duplicates,
      tally.orderViolations,
    ],
    [4, 3, 1, 1, 1, 1],
  );
  assert.equal(outOfOrder(['c', 'a', 'b'], ['a', 'b', 'c']), 2);
});

test('a wrong signature is counted and nothing of it is taken', async () => {
  const to = await listen();
  const other = `whsec_${Buffer.from('somebody who does not know').toString('base64')}`;
  assert.equal(await post(to, ['n:accepted'], other), 401);
  assert.deepEqual([to.events, to.tally(expected).forged], [0, 1]);
});

test('a third of the requests is refused, the same for the same seed, and no event more often than was said', async () => {
  const statusesOf = async (over: Partial<ReceiverOptions>): Promise<readonly number[]> => {
    const to = await listen({ refusedShare: 1 / 3, ...over });
    const statuses: number[] = [];
    for (let request = 0; request < 300; request += 1) statuses.push(await post(to, ['n:accepted']));
    to.close();
    return statuses;
  };
  const statuses = await statusesOf({});
  const refused = statuses.filter((status) => status === 503).length;
  assert.ok(refused > 70 && refused < 130, `${refused} of 300`);
  assert.deepEqual(await statusesOf({}), statuses);
  const bounded = await statusesOf({ mostRefusals: 5 });
  assert.equal(bounded.filter((status) => status === 503).length, 5);
});
