/** What of the configuration this service reads, and what it makes of it. */
import { asciiDomain } from '@millrace/core';
import type { Config } from '@millrace/service';
import type { AddressOptions } from './own-addresses.ts';

export type FeedbackSettings = Pick<
  Config,
  | 'kafka'
  | 'registry'
  | 'redis'
  | 'tenants'
  | 'dkim'
  | 'return_path_domain'
  | 'unsubscribe'
  | 'feedback_id_sender'
  | 'blobs'
  | 'feedback'
>;

/** Domains of return paths: the configured one, else those that the tenants send from. */
const returnPathDomains = (config: FeedbackSettings): ReadonlySet<string> => {
  if (config.return_path_domain !== undefined)
    return new Set([asciiDomain(config.return_path_domain) ?? config.return_path_domain]);
  const sending = Object.values(config.tenants).flatMap(({ from_domains }) => from_domains);
  // A tenant that may send from anywhere has its return paths anywhere.
  if (sending.includes('*')) return new Set();
  return new Set(
    [...sending, ...config.dkim.map(({ domain }) => domain)].map((domain) => asciiDomain(domain) ?? domain),
  );
};

export const addressOptions = (config: FeedbackSettings): AddressOptions => ({
  returnPathDomains: returnPathDomains(config),
  unsubscribeMailto: config.unsubscribe?.mailto,
  secret: config.unsubscribe?.secret,
  complaintAddresses: config.feedback.complaint_addresses,
});
