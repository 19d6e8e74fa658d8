/** mail.requests and mail.requests.realtime to shard topics. */
export type { MxAnswer, MxLookup } from './domain-routes.ts';
export { type RoutingConfig, type RoutingOptions, type RunningRouter, startRouting } from './routing.ts';
export { type StartRouterOptions, startRouter } from './start-router.ts';
