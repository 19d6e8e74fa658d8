/** Bounces, complaints and unsubscriptions: from the mail that came back to who must not be sent to. */
export { type Feedback, type FeedbackOptions, startFeedback } from './feedback.ts';
export type { FeedbackSettings } from './settings.ts';
