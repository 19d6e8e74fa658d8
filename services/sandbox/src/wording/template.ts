/** The value of a field by its name; undefined where there is no field of this name. */
export type FieldOf = (name: string) => string | undefined;

/** A text cut at its fields: what stands before the first, then each with what stands behind it. */
interface Template {
  readonly start: string;
  readonly fields: readonly { readonly name: string; readonly behind: string }[];
}

// Texts are those of the wordings and greetings, a few hundred; each is cut when it is first said.
const templates = new Map<string, Template>();

/** Replaces {name} in a text of a wording by its field; unknown ones stay. Asks only for the fields that are there. */
export function fillIn(text: string, fieldOf: FieldOf): string {
  const { start, fields } = templateOf(text);
  let filled = start;
  for (const { name, behind } of fields) filled += (fieldOf(name) ?? `{${name}}`) + behind;
  return filled;
}

function templateOf(text: string): Template {
  const known = templates.get(text);
  if (known) return known;
  const template = cut(text);
  templates.set(text, template);
  return template;
}

function cut(text: string): Template {
  // The group keeps the names: what comes out is text, name, text, name, text.
  const [start = '', ...rest] = text.split(/\{([a-z_]+)\}/);
  const fields: { name: string; behind: string }[] = [];
  for (let at = 0; at < rest.length; at += 2) {
    fields.push({ name: rest[at] ?? '', behind: rest[at + 1] ?? '' });
  }
  return { start, fields };
}
