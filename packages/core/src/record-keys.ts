/** Keys of compacted topics: what two processes must spell alike for one record to replace the other. */

/** Key in mail.suppressions. `address` in the form of `suppressionAddress`, or `@domain`. */
export const suppressionKey = (tenant: string, address: string): string => `${tenant}/${address}`;

/** What a key of mail.suppressions names; undefined when it is none. A tenant's name holds no slash, an address may. */
export const parseSuppressionKey = (
  key: string,
): { readonly tenant: string; readonly address: string } | undefined => {
  const slash = key.indexOf('/');
  return slash === -1 ? undefined : { tenant: key.slice(0, slash), address: key.slice(slash + 1) };
};

/** Key in mail.templates: every version of a template has a record of its own. */
export const templateKey = (tenant: string, templateId: string, version: number): string =>
  `${tenant}/${templateId}@${version}`;
