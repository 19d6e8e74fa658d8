/** Keys of compacted topics: what two processes must spell alike for one record to replace the other. */

/**
 * Key in mail.suppressions: `tenant/address`, or `tenant#list/address` for one list. `address` in the form of
 * `suppressionAddress`, or `@domain`.
 */
export const suppressionKey = (tenant: string, address: string, list: string | null = null): string =>
  list === null ? `${tenant}/${address}` : `${tenant}#${encodeURIComponent(list)}/${address}`;

/** What a key of mail.suppressions names. */
export interface SuppressionKeyParts {
  readonly tenant: string;
  readonly address: string;
  readonly list: string | null;
}

/** What a key of mail.suppressions names; undefined when it is none. A tenant's name holds no slash, an address may. */
export const parseSuppressionKey = (key: string): SuppressionKeyParts | undefined => {
  const slash = key.indexOf('/');
  if (slash === -1) return undefined;
  const address = key.slice(slash + 1);
  const hash = key.lastIndexOf('#', slash);
  if (hash === -1) return { tenant: key.slice(0, slash), address, list: null };
  try {
    return { tenant: key.slice(0, hash), address, list: decodeURIComponent(key.slice(hash + 1, slash)) };
  } catch {
    // Somebody else's key: no writer of ours makes such a one.
    return undefined;
  }
};

/** Key in mail.templates: every version of a template has a record of its own. */
export const templateKey = (tenant: string, templateId: string, version: number): string =>
  `${tenant}/${templateId}@${version}`;
