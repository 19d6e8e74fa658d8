/** The Feedback-ID header field (Gmail's feedback loop, RFC-less): up to three ids and the sender's, by colons. */

/** Categories, tenants and the like are few, and each mail names them again. */
const maxKnown = 1_000;
const known = new Map<string, string>();

/** Gmail drops what is not a word; a colon would move the fields. */
const sanitised = (text: string): string => {
  const before = known.get(text);
  if (before !== undefined) return before;
  const id = text
    .normalize('NFKD')
    .replaceAll(/[^a-zA-Z0-9._-]+/g, '_')
    .slice(0, 64);
  if (known.size >= maxKnown) known.clear();
  known.set(text, id);
  return id;
};

/**
 * `campaign:tenant:category-or-stream:sender`, without the campaign when there is none.
 * https://support.google.com/a/answer/6254652
 */
export const feedbackId = (
  task: {
    readonly campaign: string | null;
    readonly tenant: string;
    readonly category: string | null;
    readonly stream: string;
  },
  sender: string,
): string =>
  [task.campaign ?? '', task.tenant, task.category ?? task.stream, sender]
    .map(sanitised)
    .filter((id) => id !== '')
    .join(':');
