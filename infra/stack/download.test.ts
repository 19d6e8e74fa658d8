import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MavenTransfer } from './download.ts';

test('what Maven prints of its transfers is added up, also when a line comes in pieces', () => {
  const transfer = new MavenTransfer();
  transfer.read(
    'Downloading from central: https://repo.example/a.jar\nProgress (2): 2.0/7.3 MB | 500/1000 kB\r',
  );
  assert.equal(transfer.megabytes, 2.5);
  transfer.read('Progress (1): 5.0/7.3 MB\rDownloaded from central: https://repo.example/b.jar (1.0 ');
  assert.equal(transfer.megabytes, 5);
  transfer.read('MB at 3.1 MB/s)\n');
  assert.equal(transfer.megabytes, 1);
  transfer.read('Progress (1): 7.0/7.3 MB\r');
  assert.equal(transfer.megabytes, 8);
});
