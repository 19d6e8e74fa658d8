/** A message's event as the reply that rules look at. */
import { type Isp, isps, isStream, type SeenReply } from '@millrace/core';
import type { MessageEvent } from '@millrace/schemas';

const isIsp = (name: string | null): name is Isp => isps.some((isp) => isp === name);

/** undefined: nobody refused anything in it. An expired message repeats what was said before and counts for nothing. */
export const seenReply = (event: MessageEvent): SeenReply | undefined => {
  const { kind, stream, isp, site, source, reply_code: code } = event;
  if (kind !== 'deferred' && kind !== 'bounced') return undefined;
  if (code === null || code < 400 || source === null || stream === null || !isStream(stream))
    return undefined;
  if (!isIsp(isp) || site === null) return undefined;
  return {
    eventId: event.event_id,
    at: event.time,
    stream,
    isp,
    site,
    source,
    tenant: event.tenant,
    senderDomain: event.sender_domain,
    code,
    enhanced: event.enhanced_code,
    text: event.text ?? '',
  };
};
