/** Branded names and identifiers: a string that was checked once, at the edge. */

/** UUIDv7 (RFC 9562), lower case with hyphens; stable through every retry. */
export type MessageId = string & { readonly __brand: 'MessageId' };
/** Tenant as named in the configuration. */
export type TenantId = string & { readonly __brand: 'TenantId' };
