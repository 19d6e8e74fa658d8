/**
 * The classes inside kafkajs 2.2.4 whose methods this folder replaces, in as much of their shape as is used. kafkajs is
 * pinned to that version: these are not its public interface.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export interface RequestQueue {
  readonly pending: readonly unknown[];
}

/** A class of kafkajs: only what its instances inherit is of interest. */
export interface KafkaJsClass<Methods> {
  readonly prototype: Methods;
}

/** The requests of one connection that are under way or wait for their turn. */
export const requestQueueClass: KafkaJsClass<{
  scheduleCheckPendingRequests(this: RequestQueue): void;
}> = require('kafkajs/src/network/requestQueue/index.js');
