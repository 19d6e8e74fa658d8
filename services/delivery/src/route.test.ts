import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testJob } from './job-rig.ts';
import { Route } from './route.ts';
import type { Session } from './session.ts';
import { SessionUse } from './session-use.ts';

/** A session that has been given so many mails, none of which is answered. */
const use = (route: Route, mails: number, joins = false): SessionUse => {
  const session: Session = {
    host: 'mx.example',
    remoteAddress: null,
    tls: null,
    usable: true,
    ready: mails < 2,
    joins,
    deliveries: mails,
    send: () => new Promise(() => undefined),
    onClosed: () => undefined,
    quit: async () => undefined,
  };
  const made = new SessionUse({
    session,
    route,
    lease: { id: '1/1', lane: 'batch/gmail/one' },
    maxDeliveries: 100,
    send: () => new Promise(() => undefined),
    answered: () => undefined,
    ended: () => undefined,
  });
  for (let mail = 0; mail < mails; mail += 1) made.send(testJob());
  return made;
};

test('a mail goes to a session that does nothing; where the CPU is short, along with the mail before it', () => {
  const route = new Route({ key: 'mx.example', hosts: [], verifiedTls: false });
  const [busy, joining, idle] = [use(route, 2), use(route, 1, true), use(route, 0)];
  for (const one of [busy, joining, idle]) route.uses.add(one);
  assert.equal(route.readyUse(), idle);
  assert.equal(route.readyUse(true), joining);
  route.uses.delete(joining);
  assert.equal(route.readyUse(true), idle);
  route.uses.delete(idle);
  assert.equal(route.readyUse(true), undefined);
});
