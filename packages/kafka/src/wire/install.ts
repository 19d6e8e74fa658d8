/**
 * What of kafkajs is replaced, and where: group membership, metadata, connections, retries and administration are
 * kafkajs's own. These are the few functions that ran for each record or each request, and cost more than the rest of
 * the pipeline did with the record.
 */
import { replaceGroupFetch } from './group-fetch.ts';
import { replaceProduce } from './produce.ts';
import { quietRequestQueue } from './quiet-request-queue.ts';
import { replaceReceive } from './receive.ts';

let installed = false;

/** Replaces them in this process. Doing it again changes nothing. */
export function installWire(): void {
  if (installed) return;
  installed = true;
  quietRequestQueue();
  replaceReceive();
  replaceGroupFetch();
  replaceProduce();
}
