/** Shaping files: their schema, reading them, explaining the limits of a lane. */
export { loadShaping, parseShaping, shippedShapingFile } from './load-shaping.ts';
