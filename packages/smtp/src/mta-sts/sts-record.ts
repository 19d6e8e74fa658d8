/** The TXT record that says that a domain has a policy, and which: RFC 8461 3.1. */

const version = /^v=STSv1[ \t]*;/;
const field = /^[ \t]*([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)[ \t]*$/;
const idForm = /^[A-Za-z0-9]{1,32}$/;

/** The id of the policy among the TXT records of `_mta-sts.<domain>`; undefined: the domain has none (or more than one record). */
export const policyIdIn = (texts: readonly string[]): string | undefined => {
  const records = texts.filter((text) => version.test(text));
  const [record] = records;
  if (record === undefined || records.length > 1) return undefined;
  const [, ...fields] = record.split(';');
  // A delimiter may stand at the end.
  if (fields.at(-1)?.trim() === '') fields.pop();
  let id: string | undefined;
  for (const text of fields) {
    const [, name, value] = field.exec(text) ?? [];
    if (name === undefined || value === undefined) return undefined;
    // Of a field that stands there twice the first counts.
    if (name !== 'id' || id !== undefined) continue;
    if (!idForm.test(value)) return undefined;
    id = value;
  }
  return id;
};
