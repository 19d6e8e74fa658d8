/** A message's event as the reply or the complaint that rules look at. */
import { isIsp, isStream, type RuleTrigger, type SeenReply } from '@millrace/core';
import type { MessageEvent } from '@millrace/schemas';

/** undefined: nobody refused anything in it, and nobody complained. An expired message repeats what was said before. */
const triggerOf = ({ kind, reply_code: code }: MessageEvent): RuleTrigger | undefined => {
  if (kind === 'complained') return 'complaint';
  return (kind === 'deferred' || kind === 'bounced') && code !== null && code >= 400 ? 'answer' : undefined;
};

/**
 * undefined: it is nothing for rules. A complaint whose message is not known says nothing of a lane.
 * @param ownDomainOf the domain, where it has lanes of its own
 */
export const seenReply = (
  event: MessageEvent,
  ownDomainOf: (domain: string) => string | undefined,
): SeenReply | undefined => {
  const { stream, isp, site, source, domain } = event;
  const trigger = triggerOf(event);
  if (trigger === undefined || source === null || stream === null || !isStream(stream)) return undefined;
  if (!isIsp(isp) || site === null) return undefined;
  return {
    trigger,
    eventId: event.event_id,
    at: event.time,
    stream,
    isp,
    site,
    ownDomain: domain === null ? undefined : ownDomainOf(domain),
    source,
    tenant: event.tenant,
    senderDomain: event.sender_domain,
    code: trigger === 'complaint' ? null : event.reply_code,
    enhanced: trigger === 'complaint' ? null : event.enhanced_code,
    text: event.text ?? '',
  };
};
