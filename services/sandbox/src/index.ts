export {
  Behaviour,
  BehaviourError,
  type BehaviourInput,
  mergeBehaviour,
  parseBehaviour,
  plainBehaviour,
} from './behaviour.ts';
export { readBehaviours } from './behaviours.ts';
export { behaviourNames, type IspDefinition, ispDefinitions } from './isps.ts';
export type { ShownAnswer } from './later/later.ts';
export { magicWords } from './magic-recipient.ts';
export type { AuthResults, MessageQuery, ReceivedMessage } from './message-store.ts';
export type { Keep, Sandbox, SandboxOptions, Verify } from './options.ts';
export { startSandbox } from './sandbox.ts';
export { sandboxOptions } from './sandbox-options.ts';
export type { IspStats, SandboxStats } from './statistics.ts';
export type { ZoneRecord } from './zone.ts';
