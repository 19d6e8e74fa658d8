/** Mail that nobody here wrote (test/corpus): passed on as it is, and signed so that it verifies. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rawFields } from './header/raw-header.ts';
import { isRemovedField } from './header/removed-fields.ts';
import { prepareMessage } from './prepare-message.ts';
import { ed25519Key, factsWith, rsaKey, specimenNow, taskWith, verifiedSignatures } from './specimen.ts';

const folder = join(import.meta.dirname, '../../../test/corpus/fixtures');
const files = globSync('*/*.{eml,raw,txt}', { cwd: folder }).sort();
const keys = [rsaKey, ed25519Key];
const facts = factsWith(keys);

/** As it must arrive: CRLF at each line's end, without the fields that are not the recipient's. */
const expected = (raw: Buffer): string => {
  const text = raw.toString('latin1').replaceAll(/\r\n|\r|\n/g, '\r\n');
  const ended = Buffer.from(/\r\n$|^$/.test(text) ? text : `${text}\r\n`, 'latin1');
  const fields = rawFields(ended);
  const kept = fields.filter(
    ({ name, start }, index) =>
      !isRemovedField(name) && !(index === 0 && /^>?From /.test(ended.toString('latin1', start, start + 6))),
  );
  const header = kept.map(({ start, end }) => ended.toString('latin1', start, end)).join('');
  return header + (ended.toString('latin1', fields.at(-1)?.end ?? 0) || '\r\n');
};

test('the corpus is there', () => {
  assert.ok(files.length >= 190, `${files.length} messages`);
});

for (const file of files) {
  test(`${file} arrives byte for byte, and both signatures verify`, async () => {
    const raw = readFileSync(join(folder, file));
    const { data } = await prepareMessage(facts, taskWith({ raw }), { now: specimenNow });
    const text = data.toString('latin1');
    assert.ok(text.endsWith(expected(raw)), 'the message is there as it was');
    const found = await verifiedSignatures(data, keys);
    const ours = found.filter(({ name }) => name === 'r1.example.com' || name === 'e1.example.com');
    assert.deepEqual(
      ours.map(({ result }) => result),
      ['pass', 'pass'],
      JSON.stringify(ours),
    );
  });
}
