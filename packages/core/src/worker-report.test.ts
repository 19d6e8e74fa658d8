import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWorkerReport, type WorkerReport } from './worker-report.ts';

const report: WorkerReport = {
  stream: 'batch',
  worker: 7,
  host: 'one',
  pid: 1,
  at: 1,
  known_lanes: 1,
  lanes: [
    {
      lane: 'batch/gmail/one',
      waiting: 1,
      sessions: 1,
      connections: 5,
      messages_per_second: null,
      throttled: false,
      sent: 3,
    },
  ],
};

test('a report survives its JSON', () => {
  assert.deepEqual(parseWorkerReport(JSON.stringify(report)), report);
});

test('what is no report is none', () => {
  const broken: unknown[] = [
    ...[null, 1, 'x', [], {}, { ...report, stream: 'fast' }, { ...report, worker: '7' }],
    ...[
      { ...report, lanes: {} },
      { ...report, lanes: [null] },
      { ...report, lanes: [{ lane: 'x' }] },
    ],
  ];
  for (const value of broken) assert.equal(parseWorkerReport(JSON.stringify(value)), undefined);
  assert.equal(parseWorkerReport('{'), undefined);
});
