/** Which subject of the registry holds which record's schema. */
import { topics, webhookTopics } from '@millrace/core';
import type { RecordName } from '@millrace/schemas';

/** Records and their subjects: `<topic>-value` for single topics, the record's name where many topics share one schema. */
export const subjects: readonly {
  readonly record: RecordName;
  readonly subject: (prefix: string) => string;
}[] = [
  { record: 'SendRequest', subject: (prefix) => `${prefix}${topics.requests}-value` },
  { record: 'SendRequest', subject: (prefix) => `${prefix}${topics.realtimeRequests}-value` },
  { record: 'MessageEvent', subject: (prefix) => `${prefix}${topics.events}-value` },
  { record: 'Suppression', subject: (prefix) => `${prefix}${topics.suppressions}-value` },
  { record: 'SuppressionChange', subject: (prefix) => `${prefix}${topics.suppressionChanges}-value` },
  { record: 'InboundReport', subject: (prefix) => `${prefix}${topics.reports}-value` },
  { record: 'ControlState', subject: (prefix) => `${prefix}${topics.control}-value` },
  { record: 'Template', subject: (prefix) => `${prefix}${topics.templates}-value` },
  { record: 'WebhookAttempt', subject: (prefix) => `${prefix}${webhookTopics.log}-value` },
  { record: 'WebhookState', subject: (prefix) => `${prefix}${webhookTopics.state}-value` },
  { record: 'DeliveryTask', subject: (prefix) => `${prefix}DeliveryTask` },
  { record: 'DelayedTask', subject: (prefix) => `${prefix}DelayedTask` },
];
