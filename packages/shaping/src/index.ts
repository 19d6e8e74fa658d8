/** Shaping files: their schema, reading them, explaining the limits of a lane. */
export { type ExplainedLimit, explainLane } from './explain-lane.ts';
export { shapingJsonSchema } from './json-schema.ts';
export { durationText, limitKeys, limitText, rateText } from './limit-words.ts';
export { parseAutomation } from './parse-automation.ts';
export { parseShaping, shippedShapingFile } from './parse-shaping.ts';
export { durationMs, ratePerSecond } from './quantities.ts';
export { readShapingFile, type ShapingText, shapingOfText } from './shaping-text.ts';
