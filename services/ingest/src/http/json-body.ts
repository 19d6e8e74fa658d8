/** JSON bodies: the value together with the text it came from. */
import { ProblemError } from '../problem.ts';

/** A body of type application/json. */
export class JsonBody {
  readonly text: string;
  readonly value: unknown;

  constructor(text: string, value: unknown) {
    this.text = text;
    this.value = value;
  }
}

/** Parses JSON; throws the 400 problem that says where it stops being JSON. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProblemError('malformed-json', reason, { cause: error });
  }
};

/** The JSON body of a request; throws when there is none. */
export const jsonBodyOf = (request: { readonly body: unknown }): JsonBody => {
  if (request.body instanceof JsonBody) return request.body;
  throw new ProblemError('malformed-json', 'A body of type application/json is required');
};
