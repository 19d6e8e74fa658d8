export type { MessageId, TenantId } from './ids.ts';
export { type Isp, isps } from './isp.ts';
export { isStream, type Stream, streams } from './stream.ts';
export { type DelayTier, deadLetterTopic, delayTiers, delayTopic, shardTopic, topics } from './topics.ts';
