export {
  type AdaptiveRate,
  type AnswersSeen,
  allowedPerSecond,
  type FoundRate,
  foundRate,
  nextRate,
  resumedRate,
  startingRate,
} from './adaptive-rate.ts';
export {
  type Address,
  type AddressProblem,
  asciiDomain,
  envelopeAddress,
  parseAddress,
  suppressionAddress,
} from './address.ts';
export { Automation } from './automation/automation.ts';
export {
  type AutomationRule,
  type RuleRecovery,
  type RuleScope,
  type RuleTrigger,
  replyLine,
  ruleFor,
  type SeenReply,
} from './automation/automation-rule.ts';
export { type Firing, ruleOfAuthor } from './automation/firing.ts';
export {
  isBad,
  isSpikeAuthor,
  nextLevel,
  type Spike,
  type SpikeFacts,
  type SpikeLevel,
  type SpikeMeasure,
  type SpikeSettings,
  Spikes,
  type SpikeThresholds,
  spikeAuthor,
  spikeLevel,
  spikeMeasures,
  spikeText,
} from './automation/spikes.ts';
export {
  classifyFailure,
  classifyReply,
  type FailureKind,
  type ReplyCategory,
  type ReplyFacts,
  type ReplyMeaning,
  type ReplyPhase,
  recipientCategories,
} from './classify-reply.ts';
export {
  builtInCategories,
  type CategoryPolicy,
  type Classification,
  categoryPolicy,
  classifyStream,
  type Guarantee,
  isGuarantee,
  type MessageTimes,
  mayBeAtMostOnce,
  messageDeadlines,
  type StreamPolicy,
  type ToClassify,
} from './classify-stream.ts';
export { afterFailure, type ConnectionHold, connectionsUnder, notHeld } from './connection-hold.ts';
export {
  type AdaptiveControl,
  type CapChanges,
  type CapControl,
  type Control,
  type ControlKind,
  type DropControl,
  inForce,
  type LimitsControl,
  type MoveControl,
  type Recovery,
  type ShapingControl,
  type Suspension,
  type WarmUpHold,
  type WarmUpProgress,
} from './control/control.ts';
export {
  type ControlFacts,
  type ControlScope,
  formatScope,
  parseScope,
  type ScopeKind,
  scopeName,
} from './control/control-scope.ts';
export { type AppliedControl, ControlTable, type LaneControls } from './control/control-table.ts';
export { limitKeys, parseLimitChanges } from './control/limit-changes.ts';
export {
  applyLimitControls,
  type LimitControl,
  type LimitsInForce,
  limitsInForce,
} from './control/limit-controls.ts';
export {
  controlKey,
  controlRecord,
  isControlKind,
  type ParsedControl,
  parseControl,
  scopesOfKind,
} from './control/parse-control.ts';
export { DeadlineQueue } from './deadline-queue.ts';
export { delayHop, earlyToleranceMs, releaseAt } from './delay-hop.ts';
export { type Fingerprint, fingerprint } from './fingerprint.ts';
export { FingerprintTable } from './fingerprint-table.ts';
export { type GcraGrant, type GcraLimit, gcra, unknownBucket } from './gcra.ts';
export type { MessageId, TenantId } from './ids.ts';
export { type Isp, isIsp, ispOf, ispOfHost, isps } from './isp.ts';
export { type LaneOf, laneKey, lanePlace } from './lane.ts';
export { type LaneFacts, type LaneWait, laneWait, type TokenLevel, tokenLevel } from './lane-wait.ts';
export { type LimitName, type LimitOrigin, limitOrigins } from './limit-origins.ts';
export { connectionShare } from './local-share.ts';
export {
  deriveMessageId,
  isMessageId,
  messageIdBytes,
  messageIdFromBytes,
  messageIdTime,
  newMessageId,
  type RandomFill,
} from './message-id.ts';
export {
  type LimitedFacts,
  type MessageLimit,
  type MessageLimitInForce,
  messageLimitsOf,
} from './message-limits.ts';
export { siteOf } from './mx-rollup.ts';
export {
  parseSuppressionKey,
  type SuppressionKeyParts,
  suppressionKey,
  templateKey,
} from './record-keys.ts';
export { retryDelayMs } from './retry-schedule.ts';
export { ReusedMemory, type ReusedMemoryOptions } from './reused-memory.ts';
export { ServerClock } from './server-clock.ts';
export {
  builtInLimits,
  changesOfLane,
  type LaneChanges,
  type LaneLimits,
  type LimitChanges,
  type Limits,
  laneLimits,
  limitsOf,
  ownDomainOf,
  type PhaseTimeouts,
  type RateLimit,
  rateLimit,
  type Shaping,
  type ShapingLayer,
  type TlsPolicy,
} from './shaping.ts';
export { connectionsBucket, leaseKey, sharedRate, tokensKey, turnKey } from './shared-lane.ts';
export { type Drained, drain, type LaneTerms, type SimulatedLane } from './simulator/drain.ts';
export { isStream, type Stream, streams } from './stream.ts';
export {
  everyList,
  type SuppressionFacts,
  SuppressionIndex,
  type SuppressionQuestion,
  type SuppressionReason,
  suppressionReason,
} from './suppression-index.ts';
export { applySuppression, type SuppressionRecord } from './suppression-record.ts';
export { maySendFrom, poolFor, type TenantFacts, type TenantSettings, tenantFacts } from './tenant-facts.ts';
export { TokenTaker } from './token-taker.ts';
export {
  type DelayTier,
  deadLetterTopic,
  delayTiers,
  delayTopic,
  requestTopic,
  routerGroup,
  shardTopic,
  topics,
} from './topics.ts';
export {
  isReservedHeader,
  type RequestProblem,
  requestLimits,
  validateSendRequest,
} from './validate-request.ts';
export { calendarDay, endOfDay, isTimeZone } from './warm-up/calendar-day.ts';
export {
  type SourceWarmUp,
  sourceWarmUps,
  type WarmUpSettings,
  warmUpPlans,
} from './warm-up/source-warm-up.ts';
export {
  type DayFigures,
  type NextDay,
  nextWarmUpDay,
  usualThresholds,
  type WarmUpThresholds,
  warmUpDaysLeft,
} from './warm-up/warm-up-day.ts';
export { shippedWarmUpPlans, type WarmUpCaps, type WarmUpPlan, warmUpCaps } from './warm-up/warm-up-plan.ts';
export {
  afterEndpointFailure,
  afterSuccess,
  type Circuit,
  type CircuitPolicy,
  freshCircuit,
  isOpen,
  mayPost,
  retryAfterMs,
  usualCircuit,
} from './webhooks/endpoint-circuit.ts';
export { type Place, placeOf, withWaiting } from './webhooks/message-order.ts';
export {
  type EndpointSettings,
  shownUrl,
  type WebhookEndpoint,
  webhookEndpoints,
} from './webhooks/webhook-endpoint.ts';
export {
  type FieldGroup,
  fieldGroups,
  webhookBody,
  webhookEventJson,
  webhookVersion,
} from './webhooks/webhook-payload.ts';
export {
  batchLimit,
  quickWaitMs,
  slowWaitMs,
  usualSchedule,
  type WebhookSchedule,
} from './webhooks/webhook-schedule.ts';
export { endpointId, endpointTopic, webhookStateKey, webhookTopics } from './webhooks/webhook-topics.ts';
export {
  postedKinds,
  subscribableTypes,
  usualTypes,
  type WebhookType,
  webhookTypeOf,
  webhookTypes,
} from './webhooks/webhook-types.ts';
export {
  type LaneReport,
  parseWorkerReport,
  type WorkerReport,
  workerReportKey,
  workersKey,
} from './worker-report.ts';
