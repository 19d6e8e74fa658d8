export {
  Behaviour,
  BehaviourError,
  type BehaviourInput,
  mergeBehaviour,
  parseBehaviour,
  plainBehaviour,
} from './behaviour.ts';
export type { AuthResults, MessageQuery, ReceivedMessage } from './message-store.ts';
export type { Keep, Sandbox, SandboxOptions, Verify } from './options.ts';
export { startSandbox } from './sandbox.ts';
export type { IspStats, SandboxStats } from './statistics.ts';
export type { ZoneRecord } from './zone.ts';
