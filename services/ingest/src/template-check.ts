/** Whether a template compiles, field by field. */
import { templateProblems as compileProblems, type TemplateError } from '@millrace/message';
import type { Template } from '@millrace/schemas';
import type { FieldError } from './problem.ts';

const placeOf = ({ line, column }: TemplateError): string => {
  if (line === undefined) return '';
  return column === undefined ? `line ${line}: ` : `line ${line}, column ${column}: `;
};

const isHeader = /^headers\[(\d+)\]/;

/** Header fields are a list in the record and an object in the body. */
const fieldOf = ({ part }: TemplateError, template: Template): string => {
  const header = isHeader.exec(part)?.[1];
  return header === undefined ? part : `headers.${template.headers[Number(header)]?.name ?? header}`;
};

/** One error a part at most; none when all of them compile. */
export const templateProblems = (template: Template): readonly FieldError[] =>
  compileProblems(template).map((problem) => ({
    field: fieldOf(problem, template),
    message: `${placeOf(problem)}${problem.reason}`,
  }));
