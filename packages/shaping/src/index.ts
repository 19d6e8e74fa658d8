/** Shaping files: their schema, reading them, explaining the limits of a lane. */
export { type ExplainedLimit, explainLane } from './explain-lane.ts';
export {
  type ExplainedMessageLimit,
  messageLimitsOfLane,
  messageLimitsOfMessage,
} from './explain-message-limits.ts';
export { shapingJsonSchema } from './json-schema.ts';
export { limitChangesOf, limitsEntryOf } from './limit-changes.ts';
export { durationText, rateText } from './limit-words.ts';
export { parseAutomation } from './parse-automation.ts';
export { parseShaping, shippedShapingFile } from './parse-shaping.ts';
export { ratePerSecond } from './quantities.ts';
export { LimitsEntry } from './shaping-schema.ts';
export { readShapingFile, type ShapingText, shapingOfText } from './shaping-text.ts';
