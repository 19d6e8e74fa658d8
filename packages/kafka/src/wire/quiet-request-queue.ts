/**
 * kafkajs checks for requests that wait for their turn after each response, through a timer that starts itself again
 * even where none waits and whose delay is negative, which Node takes for 1 ms: every connection wakes its process a
 * thousand times a second, for nothing (kafkajs issue 1751). Ours is only started where a request waits. And it looks ten
 * times a second on each connection whether an answer is overdue, by limits of many seconds; once is enough.
 */
import { requestQueueClass } from './kafkajs-internals.ts';

const overdueCheckMs = 1_000;

/** For all connections of this process, those that are open too. Call once. */
export function quietRequestQueue(): void {
  const { prototype } = requestQueueClass;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleWherePending() {
    if (this.pending.length > 0) schedule.call(this);
  };
  prototype.scheduleRequestTimeoutCheck = function checkSeldom() {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    this.requestTimeoutIntervalId = setInterval(() => {
      const now = Date.now();
      for (const request of [...this.inflight.values()])
        if (now - request.sentAt > request.requestTimeout) request.timeoutRequest();
      if (!this.isConnected()) this.destroy();
    }, overdueCheckMs);
  };
}
