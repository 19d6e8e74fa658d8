/** Answers of all workers into controls: automation and warm-up. */
export { type Shaper, type ShaperOptions, type ShaperStats, startShaping } from './shaper.ts';
export { type StartShaperOptions, startShaper } from './start-shaper.ts';
