/** What a request's problems refuse: a message, or all of it. */
import type { RequestProblem } from '@millrace/core';
import type { Recipient, SendRequest } from '@millrace/schemas';

const recipientField = /^recipients\[(\d+)\]/;

/** Which recipients go on, and what is wrong with the others, by index. */
export interface Recipients {
  readonly good: readonly { readonly recipient: Recipient; readonly index: number }[];
  readonly refused: ReadonlyMap<number, readonly RequestProblem[]>;
}

/** A problem of one recipient refuses that message; any other the whole request. */
export const sortProblems = (
  request: SendRequest,
  problems: readonly RequestProblem[],
): Recipients | { readonly whole: readonly RequestProblem[] } => {
  const refused = new Map<number, RequestProblem[]>();
  for (const problem of problems) {
    const index = recipientField.exec(problem.field)?.[1];
    if (index === undefined) return { whole: problems };
    const list = refused.get(Number(index)) ?? [];
    list.push(problem);
    refused.set(Number(index), list);
  }
  if (refused.size === request.recipients.length) return { whole: problems };
  const good = request.recipients.map((recipient, index) => ({ recipient, index }));
  return { good: refused.size === 0 ? good : good.filter(({ index }) => !refused.has(index)), refused };
};
