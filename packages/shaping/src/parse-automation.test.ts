import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type AutomationRule, type Isp, ruleFor } from '@millrace/core';
import { ConfigError } from '@millrace/service';
import { parseAutomation } from './parse-automation.ts';
import { shippedShapingFile } from './parse-shaping.ts';

const shipped = parseAutomation(readFileSync(shippedShapingFile, 'utf8'), shippedShapingFile);

const minute = 60_000;
const hour = 60 * minute;

/** What the shipped rules make of an answer. */
const ruleOf = (isp: Isp, code: number, enhanced: string | null, text: string): AutomationRule | undefined =>
  ruleFor(shipped, {
    trigger: 'answer',
    eventId: '',
    at: 0,
    stream: 'batch',
    isp,
    site: 'mx',
    source: 'ip1',
    tenant: 'acme',
    senderDomain: 'acme.example',
    code,
    enhanced,
    text,
  });

/** Answers as providers give them, and what is to follow: threshold, action, duration. */
const answers: readonly (readonly [
  Isp,
  number,
  string | null,
  string,
  string,
  number,
  'suspend' | 'alert' | number,
  number | null,
])[] = [
  [
    'gmail',
    421,
    '4.7.28',
    'Our system has detected an unusual rate of unsolicited mail',
    'gmail-unusual-rate',
    2,
    10 / 60,
    30 * minute,
  ],
  [
    'gmail',
    550,
    '5.7.1',
    'Our system has detected that this message is likely unsolicited mail',
    'gmail-unsolicited',
    5,
    'suspend',
    hour,
  ],
  ['gmail', 550, '5.7.26', 'This mail is unauthenticated', 'gmail-authentication', 1, 'suspend', null],
  ['gmail', 421, '4.7.32', 'Your email is not aligned', 'gmail-authentication', 1, 'suspend', null],
  [
    'yahoo',
    421,
    '4.7.0',
    '[TSS04] Messages from 192.0.2.1 temporarily deferred',
    'yahoo-deferred-04',
    2,
    'suspend',
    2 * hour,
  ],
  [
    'yahoo',
    421,
    '4.7.1',
    '[IPTS05] All messages will be permanently deferred',
    'yahoo-deferred-05',
    2,
    'suspend',
    4 * hour,
  ],
  [
    'yahoo',
    421,
    '4.7.1',
    '[TS02] temporarily deferred due to user complaints',
    'yahoo-ts02',
    3,
    1 / 60,
    30 * minute,
  ],
  ['yahoo', 421, '4.7.1', '[TS03] All messages from 192.0.2.1', 'yahoo-ts03', 3, 10 / 60, 30 * minute],
  ['yahoo', 553, '5.7.1', '[BL21] Connections will not be accepted', 'yahoo-listed', 5, 'suspend', 2 * hour],
  [
    'outlook',
    550,
    '5.7.1',
    'part of their network is on our block list (S3140)',
    'outlook-listed',
    5,
    'suspend',
    2 * hour,
  ],
  ['comcast', 421, null, 'Try again later RL000003', 'comcast-rate', 2, 'alert', 2 * hour],
  ['other', 451, '4.7.1', 'Server busy, try again', 'busy', 1, 1 / 60, 90 * minute],
  ['gmx', 421, null, 'rate limited due to IP reputation', 'busy', 1, 1 / 60, 90 * minute],
];

for (const [isp, code, enhanced, text, name, after, action, forMs] of answers) {
  test(`${isp} "${text.slice(0, 40)}": ${name}`, () => {
    const rule = ruleOf(isp, code, enhanced, text);
    assert.equal(rule?.name, name);
    assert.equal(rule.after, after);
    assert.equal(rule.forMs, forMs);
    assert.equal(rule.suspend, action === 'suspend');
    if (typeof action === 'number') assert.equal(rule.limit?.messagesPerSecond, action);
  });
}

test('what no rule is about changes nothing', () => {
  assert.equal(
    ruleOf('gmail', 550, '5.1.1', 'The email account that you tried to reach does not exist'),
    undefined,
  );
  assert.equal(ruleOf('other', 450, '4.2.0', 'Greylisted, try again in 300 seconds'), undefined);
  assert.equal(ruleOf('yahoo', 552, '5.2.2', 'mailbox full'), undefined);
});

test('a rule about complaints needs no expression', () => {
  const [rule] = parseAutomation(
    'automation: [{ name: disliked, trigger: complaint, after: 20, suspend: true, for: 1h }]',
    'a.yaml',
  );
  assert.ok(rule);
  assert.deepEqual([rule.trigger, rule.after, rule.pattern.test('abuse')], ['complaint', 20, true]);
});

const problemsOf = (text: string): readonly string[] => {
  try {
    parseAutomation(text, 'shaping.yaml');
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split('\n');
  }
  return assert.fail('nothing was refused');
};

for (const [what, lines, expected] of [
  [
    'an expression that is none',
    ['match: "["', 'suspend: true'],
    /:3: automation.*\.match: .*regular expression/,
  ],
  ['a wrong key', ['match: x', 'suspnd: true'], /:4: automation.*suspnd.*"suspend"/],
  ['a rule that does nothing', ['match: x'], /:2: automation.*does nothing/],
  [
    'a limit of a tenant',
    ['match: x', 'scope: tenant', 'limit: { connection_limit: 1 }'],
    /:5: .*a tenant has no limits/,
  ],
  ['a rule about no answer', ['suspend: true'], /:2: automation.*needs `match`/],
  ['a trigger that is none', ['trigger: complaints', 'suspend: true'], /:3: .*trigger.*"complaint"/],
  ['a move to nowhere', ['match: x', 'move: {}'], /:4: .*either/],
  ['recovery of what never ends', ['match: x', 'suspend: true', 'recover: {}'], /:5: .*add `for`/],
] as const) {
  test(`${what} is refused with its line`, () => {
    const text = ['automation:', '  - name: one', ...lines.map((line) => `    ${line}`)].join('\n');
    assert.match(problemsOf(text)[0] ?? '', expected);
  });
}
