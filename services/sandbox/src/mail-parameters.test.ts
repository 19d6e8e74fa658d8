import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainBehaviour } from './behaviour.ts';
import { isAscii, parameterProblem } from './mail-parameters.ts';

const problem = (parameters: readonly string[], from = 'a@b.test') =>
  parameterProblem(from, parameters, { ...plainBehaviour, size_limit: 1_000 });

test('what is offered is taken in any case, and what stands behind a second = is not looked at', () => {
  assert.equal(problem(['size=1000', 'Body=8bitmime', 'smtputf8']), undefined);
  assert.equal(problem(['SIZE=1=x', 'BODY=7BIT=x']), undefined);
});

test('each wrong parameter is refused by its name or value, in capitals', () => {
  assert.equal(problem(['SIZE=1001']), 'too_large');
  assert.equal(problem(['SIZE']), '501 5.5.4 SIZE takes a number');
  assert.equal(problem(['SIZE=-1']), '501 5.5.4 SIZE takes a number');
  assert.equal(problem(['body=binarymime']), '501 5.5.4 BODY=BINARYMIME is not supported');
  assert.equal(problem(['ret=full']), '555 5.5.4 Unsupported parameter RET');
  assert.equal(problem(['=x']), '555 5.5.4 Unsupported parameter ');
});

test('an address is ASCII when each of its characters is', () => {
  for (const text of ['', 'a@b.test', '\0\x7f']) assert.equal(isAscii(text), true);
  for (const text of ['\x80', 'jörg@b.test', 'a@例.test', '😀', '\ud800', '\uffff'])
    assert.equal(isAscii(text), false);
  assert.equal(problem([], 'jörg@b.test'), '553 5.6.7 The sender address needs SMTPUTF8');
  assert.equal(problem(['SMTPUTF8'], 'jörg@b.test'), undefined);
});
