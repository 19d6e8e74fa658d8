/** What is wrong with a template, and where. */

/** The part of a template: `subject`, `text`, `html`, `language` or `headers[0].value`. */
export type TemplatePart = string;

/** A template that does not compile, or that cannot be rendered with these variables. Final: the message bounces. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  /** The template's own fault, or that of the variables or a limit when it is rendered. */
  readonly code: 'ERR_TEMPLATE_SYNTAX' | 'ERR_TEMPLATE_RENDER';
  readonly part: TemplatePart;
  /** Counted from 1; undefined when the engine does not say. */
  readonly line: number | undefined;
  /** Counted from 1; undefined when the engine does not say. */
  readonly column: number | undefined;
  /** What is wrong and what to do, without the place. */
  readonly reason: string;

  constructor(
    code: 'ERR_TEMPLATE_SYNTAX' | 'ERR_TEMPLATE_RENDER',
    where: {
      readonly part: TemplatePart;
      readonly line?: number | undefined;
      readonly column?: number | undefined;
    },
    reason: string,
    options: { readonly cause?: unknown } = {},
  ) {
    const place =
      where.line === undefined
        ? ''
        : `, line ${where.line}${where.column === undefined ? '' : `, column ${where.column}`}`;
    super(`${where.part}${place}: ${reason}`, options);
    this.code = code;
    this.part = where.part;
    this.line = where.line;
    this.column = where.column;
    this.reason = reason;
  }
}
