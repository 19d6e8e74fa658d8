import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '@millrace/kafka/testing';
import { answer, lane, shaperRig, yaml } from './shaper-rig.ts';

const laneName = 'lane:batch/gmail/ip1';

test('replies of all workers are counted together; a firing suspends, and is an event with the reply that caused it', async () => {
  await using rig = await shaperRig();
  const shaper = await rig.start();
  await rig.tell(answer(), answer(), answer({ source: 'ip2' }));
  await until(() => shaper.stats().replies === 3);
  assert.equal(rig.shaped.length, 0);
  const last = answer();
  await rig.tell(last);
  await until(() => rig.shaped.length === 1 && rig.table.blocking(lane, Date.now()) !== undefined);
  const blocking = rig.table.blocking(lane, Date.now());
  assert.equal(blocking?.until, last.time + 3_600_000);
  assert.equal(blocking.control.author, 'automation:listed');
  assert.match(blocking.control.reason, /550 5\.7\.1 You are on our block list/);
  assert.equal(rig.table.blocking({ ...lane, source: 'ip2' }, Date.now()), undefined);
  const [event] = rig.shaped;
  assert.equal(event?.message_id, last.message_id);
  assert.equal(event.reply_code, 550);
  assert.equal(event.source, 'ip1');
  assert.match(
    event.text ?? '',
    /^listed: lane:batch\/gmail\/ip1 suspended until .*You are on our block list$/,
  );
  assert.equal(event.metadata.alert, 'the source is on a block list');
  // Afterwards a low limit, then more.
  const [cap] = rig.table.limitChangesOf(lane, last.time + 3_600_000).inForce;
  assert.equal(cap?.changes.messagesPerSecond, 10 / 60);
  await shaper.stop();
});

test('what a message said twice counts once, and what a suspension cut off extends nothing', async () => {
  await using rig = await shaperRig();
  const shaper = await rig.start();
  const twice = answer();
  await rig.tell(twice, twice, twice, answer());
  await until(() => shaper.stats().replies === 4);
  assert.equal(rig.shaped.length, 0);
  await rig.tell(answer(), answer(), answer(), answer(), answer());
  await until(() => shaper.stats().replies === 9);
  await rig.settled();
  assert.equal(shaper.stats().firings.get('listed'), 1);
  await shaper.stop();
});

test('a shaper that starts again counts on where the one before stopped', async () => {
  await using rig = await shaperRig();
  const first = await rig.start();
  await rig.tell(answer(), answer());
  await until(() => first.stats().replies === 2);
  await rig.settled();
  await first.stop();
  const second = await rig.start();
  await rig.tell(answer());
  await until(() => rig.shaped.length === 1);
  await rig.settled();
  await second.stop();
  const third = await rig.start();
  await rig.tell(answer(), answer(), answer());
  await until(() => third.stats().replies === 3);
  assert.equal(third.stats().firings.size, 0, 'it knows that the rule has fired');
  await third.stop();
});

test('of several shapers one acts; when it is gone another goes on with what was counted', async () => {
  await using rig = await shaperRig();
  const first = await rig.start();
  const second = await rig.start();
  await rig.tell(answer(), answer());
  await until(() => first.stats().events + second.stats().events >= 2);
  await rig.settled();
  const [acting, waiting] = first.stats().events > 0 ? [first, second] : [second, first];
  assert.equal(waiting.stats().events, 0);
  await acting.stop();
  await rig.tell(answer());
  await until(() => rig.shaped.length === 1);
  assert.equal(waiting.stats().firings.get('listed'), 1);
  await waiting.stop();
});

test('what an operator undid counts from the beginning; what an operator suspended for longer stands', async () => {
  await using rig = await shaperRig();
  const shaper = await rig.start();
  await rig.tell(answer(), answer(), answer());
  const key = `suspension|${laneName}`;
  await until(() => rig.table.get(key) !== undefined);
  await rig.control(key, null);
  await until(() => rig.table.get(key) === undefined);
  const head = { kind: 'suspension', scope: laneName, until: null, set_at: Date.now(), value: null };
  await rig.control(key, { ...head, author: 'ada', reason: 'asked to' });
  await until(() => shaper.stats().controls === 2, 'the operator’s suspension and the cap behind the rule’s');
  await rig.tell(answer(), answer());
  await until(() => shaper.stats().replies === 5);
  assert.equal(shaper.stats().firings.get('listed'), 1, 'two are not three');
  await rig.tell(answer());
  await until(() => rig.shaped.length === 2);
  assert.equal(rig.table.get(key)?.author, 'ada');
  await shaper.stop();
});

test('complaints that feedback reports make the rules about them fire, on the lane that the mail left by', async () => {
  await using rig = await shaperRig();
  const complaints = `
domains: { example.com: { connection_limit: 3 } }
automation:
  - name: disliked
    trigger: complaint
    isps: [gmail]
    after: 2
    limit: { max_message_rate: 10/min }
    for: 1h
`;
  const shaper = await rig.start({ shaping: { yaml: complaints, name: 'test.yaml' } });
  const complaint = (over: Parameters<typeof answer>[0] = {}) => {
    const told = answer({
      kind: 'complained',
      reply_code: null,
      enhanced_code: null,
      text: 'abuse',
      ...over,
    });
    return { ...told, event_id: `${told.message_id}:complained` };
  };
  const first = complaint();
  // Told twice, from elsewhere, of another provider, of a mail that is not known, and an answer.
  await rig.tell(first, first, complaint({ source: 'ip2' }), complaint({ isp: 'yahoo' }));
  await rig.tell(complaint({ source: null }), answer(), complaint({ domain: 'example.com' }));
  await until(() => shaper.stats().events === 7);
  assert.equal(rig.shaped.length, 0);
  await rig.tell(complaint());
  await until(() => rig.shaped.length === 1);
  assert.match(
    rig.shaped[0]?.text ?? '',
    /^disliked: lane:batch\/gmail\/ip1 10 mails\/min until .* \(2 times\): complaint: abuse$/,
  );
  const rateOf = (ownDomain?: string) =>
    rig.table.limitChangesOf({ ...lane, ownDomain }, rig.now()).inForce[0]?.changes.messagesPerSecond;
  await until(() => rateOf() === 10 / 60, 'the cap');
  assert.equal(rateOf('example.com'), undefined);
  await rig.tell(complaint({ domain: 'example.com' }));
  await until(() => rateOf('example.com') === 10 / 60, 'the cap of the domain’s own lane');
  await shaper.stop();
});

test('told not to act, it only says what it would do', async () => {
  await using rig = await shaperRig();
  const shaper = await rig.start({ act: false });
  await rig.tell(answer(), answer(), answer());
  await until(() => rig.shaped.length === 1);
  assert.match(rig.shaped[0]?.text ?? '', /would be suspended/);
  assert.equal(rig.table.size, 0);
  await shaper.stop();
});

test('an applied shaping file replaces the rules at once; a wrong one changes nothing', async () => {
  await using rig = await shaperRig();
  const shaper = await rig.start();
  const applied = (text: string) => ({
    ...{ kind: 'shaping', scope: 'shaping', until: null, reason: '', author: 'ada', set_at: Date.now() },
    value: JSON.stringify({ yaml: text, name: 'applied.yaml' }),
  });
  const controls = () => shaper.stats().controls;
  await rig.control('shaping|shaping', applied(yaml.replace('after: 3', 'after: 1')));
  await until(() => controls() === 1);
  await rig.tell(answer());
  await until(() => rig.shaped.length === 1);
  await rig.control('shaping|shaping', applied('automation: 7'));
  await until(() => rig.table.shapingText(Date.now())?.yaml === 'automation: 7');
  await rig.tell(answer({ source: 'ip3' }));
  await until(() => rig.shaped.length === 2);
  await shaper.stop();
});
