import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageFacts } from './message-facts.ts';
import { prepareMessage } from './prepare-message.ts';
import { factsWith, rsaKey, specimenNow, taskWith, verifiedSignatures } from './specimen.ts';

const plain = { dkim: [], feedback_id_sender: 'millrace' };
const composed = { subject: 'x', text: 'x', html: null, attachments: [] };

test('domains are A-labels, and one that is none is named', () => {
  assert.equal(
    messageFacts({ ...plain, return_path_domain: 'Bücher.example' }).returnPathDomain,
    'xn--bcher-kva.example',
  );
  assert.throws(
    () => messageFacts({ ...plain, return_path_domain: 'no domain' }),
    /return_path_domain: "no domain" is not a domain/,
  );
  assert.throws(
    () => messageFacts({ ...plain, dkim_fallback_domain: 'example.com' }),
    /dkim_fallback_domain/,
  );
});

test('without keys a message goes unsigned', async () => {
  const { data } = await prepareMessage(messageFacts(plain), taskWith({ composed }), { now: specimenNow });
  assert.ok(data.toString('latin1').startsWith('From: '));
});

test('a From domain without keys is signed by the fallback domain', async () => {
  const facts = factsWith([rsaKey], { fallbackDomain: 'example.com' });
  const task = taskWith({ composed, mail_from: { address: 'shop@customer.test', name: null } });
  const { data } = await prepareMessage(facts, task, { now: specimenNow });
  assert.deepEqual(
    (await verifiedSignatures(data, [rsaKey])).map(({ name, result }) => `${name} ${result}`),
    ['r1.example.com pass'],
  );
});

test('senders beyond the thousandth are still written right', async () => {
  const facts = factsWith([]);
  for (let index = 0; index < 1_010; index += 1) {
    const sender = facts.senders.of({ address: `a${index}@example.com`, name: null });
    assert.equal(sender.field, `From: a${index}@example.com\r\n`);
  }
});
