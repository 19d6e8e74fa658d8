import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import { checkComposeFile, schemaProblems } from './compose-file.ts';

describe('docker-compose.yml', () => {
  it('is what the compose specification allows', () => {
    assert.deepEqual(checkComposeFile(resolve(import.meta.dirname, '../..')), []);
  });

  it('is refused with the place when a key is not in the specification', () => {
    assert.match(
      schemaProblems({ services: { kafka: { image: 'x', helthcheck: {} } } }).join(),
      /\/services\/kafka .*additional/,
    );
  });
});
