/** Shard topics to mailbox providers. */
export { type StartDeliveryOptions, startDelivery } from './start-delivery.ts';
export { DeliveryTally, type OutcomeCount } from './tally.ts';
export {
  type Delivery,
  type DeliveryStats,
  type LaneStats,
  startWorker,
  type WorkerConfig,
  type WorkerOptions,
} from './worker.ts';
