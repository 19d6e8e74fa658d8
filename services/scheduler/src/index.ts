/** Delay tiers back to their topics when due. */
export { type Scheduler, type SchedulerOptions, type SchedulerStats, startDelayTiers } from './scheduler.ts';
export { type StartSchedulerOptions, startScheduler } from './start-scheduler.ts';
