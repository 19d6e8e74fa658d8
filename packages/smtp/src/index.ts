/** SMTP as a client: finding the servers of a domain, delivering to them, and through relays. */
export { connectSmtp } from './client/connect-smtp.ts';
export { isLoopback } from './client/loopback.ts';
export { parseCapabilities, type SmtpCapabilities } from './client/smtp-capabilities.ts';
export { SmtpError, type SmtpErrorCode, type SmtpPhase } from './client/smtp-error.ts';
export type { SendHooks, SendResult, SmtpMail } from './client/smtp-mail.ts';
export type { SmtpOptions, TlsPolicy } from './client/smtp-options.ts';
export type { SmtpReply } from './client/smtp-reply.ts';
export type { SmtpConnection, SmtpFacts } from './client/smtp-session.ts';
export { defaultSmtpTimeouts, type SmtpTimeouts } from './client/smtp-timeouts.ts';
export type { TlsFacts } from './client/tls-facts.ts';
export { DnsResolver, type DnsResolverOptions } from './dns/dns-resolver.ts';
export {
  type AddressAnswer,
  type AddressPreference,
  type MxAnswer,
  type MxHost,
  mxOrder,
  type TextAnswer,
} from './dns/mx-answer.ts';
export { type PolicyFetch, type PolicyFetchOptions, policyFetch } from './mta-sts/fetch-policy.ts';
export { type KeptPolicy, StsPolicies, type StsPoliciesOptions } from './mta-sts/sts-policies.ts';
export { allowsMx, type StsPolicy } from './mta-sts/sts-policy.ts';
export type { EgressProxy, HeaderProxy, SocksProxy } from './proxy/egress-proxy.ts';
export { createRelay } from './relay/relay.ts';
export type { Relay, RelayOptions } from './relay/relay-options.ts';
