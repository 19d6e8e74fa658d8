import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ispDefinitions } from './isps.ts';
import { fillIn, renderReply, type ScriptedReply, type Wording, wordingOf } from './wording.ts';

const fields: Readonly<Record<string, string>> = {
  host: 'mx.test',
  ip: '127.0.3.1',
  session: 'abc$&1',
  date: 'Fri, 15 Jan 2027 08:00:00 GMT',
  from: 'a{to}@sender.test',
  from_domain: 'sender.test',
  to: 'b@there.test',
  number: '7',
  size: '10234',
  seconds: '1800000000',
};
const fieldOf = (name: string) => fields[name];

// The plain way: field after field, wherever it stands.
const filledPlainly = (text: string) =>
  text.replace(/\{([a-z_]+)\}/g, (whole, name: string) => fields[name] ?? whole);

const groups = [...new Set(ispDefinitions.map((isp) => isp.group))];
const repliesOf = ({ accepted: _, transient, permanent, ...others }: Wording): ScriptedReply[] => [
  ...Object.values(others),
  ...transient,
  ...permanent,
];

test('every reply of every wording has its fields, a code in each line and the enhanced code', () => {
  for (const group of groups) {
    for (const scripted of repliesOf(wordingOf(group))) {
      const { code, enhanced, text } = scripted;
      const lines = filledPlainly(text).split('\n');
      const prefix = enhanced ? `${enhanced} ` : '';
      const expected = lines.map(
        (line, at) => `${code}${at === lines.length - 1 ? ' ' : '-'}${prefix}${line}\r\n`,
      );
      // Twice: the first time is when the text is cut.
      assert.equal(renderReply(scripted, fieldOf), expected.join(''), text);
      assert.equal(renderReply(scripted, fieldOf), expected.join(''), text);
    }
  }
});

test('every greeting and every answer to an accepted mail has its fields', () => {
  const texts = [
    ...ispDefinitions.map((isp) => isp.greeting),
    ...groups.map((group) => wordingOf(group).accepted),
  ];
  for (const text of texts) assert.equal(fillIn(text, fieldOf), filledPlainly(text));
});

test('fields stand anywhere, next to each other and twice; unknown ones and other braces stay', () => {
  for (const text of [
    '',
    '{ip}',
    '{ip}{to} {ip}',
    'x {unknown} {host',
    '{Host} {} {ip}}',
    'none',
    '{from}{size}.',
  ]) {
    assert.equal(fillIn(text, fieldOf), filledPlainly(text), text);
  }
});

test('only the fields of the text are asked for', () => {
  const asked: string[] = [];
  fillIn('{host} has {session}', (name) => {
    asked.push(name);
    return name;
  });
  assert.deepEqual(asked, ['host', 'session']);
});
