import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLoopback } from './loopback.ts';

describe('Loopback', () => {
  for (const address of ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1']) {
    it(`${address} stays on the machine`, () => assert.equal(isLoopback(address), true));
  }
  const others = [
    '192.0.2.1',
    '128.0.0.1',
    '0.0.0.0',
    '::',
    '::2',
    '::ffff:192.0.2.1',
    'localhost',
    '',
    '127.1',
    '2130706433',
  ];
  for (const address of others) {
    it(`${address || "''"} does not, or is no address`, () => assert.equal(isLoopback(address), false));
  }
});
