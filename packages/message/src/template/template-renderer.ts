/** Templates (Liquid, Handlebars) compiled once for each version and rendered for each message. */
import { isReservedHeader, templateKey } from '@millrace/core';
import type { Header, Template } from '@millrace/schemas';
import { isFieldName } from '../header/header-field.ts';
import type { QuotedPrintable } from '../mime/quoted-printable.ts';
import type { TextBody } from '../mime/text-entity.ts';
import { compileHandlebars } from './handlebars-part.ts';
import { compileLiquid } from './liquid-part.ts';
import {
  BodySink,
  type CompilePart,
  type PartRenderer,
  type RenderLimits,
  TextSink,
  type Variables,
} from './part-renderer.ts';
import { TemplateError, type TemplatePart } from './template-error.ts';

/** What a template becomes for one message. Subject and header values are still text, the bodies are encoded. */
export interface Rendered extends TextBody {
  readonly subject: string;
  readonly headers: readonly Header[];
}

/** One version of a template, compiled. */
export interface CompiledTemplate {
  /** `tenant/id@version`, as the key of mail.templates. */
  readonly key: string;
  /** Throws {@link TemplateError} with ERR_TEMPLATE_RENDER. */
  render(variables: Variables): Rendered;
}

/** All optional. */
export interface TemplateRendererOptions {
  /** Compiled versions kept, the least recently used goes first. Default 500. */
  readonly maxCompiled?: number;
  /** Source of all compiled versions together, UTF-16 units. Default 32 Mi. */
  readonly maxSourceLength?: number;
  /** Largest rendered part, UTF-16 units. Default 2 Mi. */
  readonly maxLength?: number;
  /** Longest rendering of a part, ms. Default 250. */
  readonly maxMs?: number;
}

const defaultLimits: RenderLimits = { maxLength: 2 * 1_048_576, maxMs: 250 };

const compilers: ReadonlyMap<string, CompilePart> = new Map([
  ['liquid', compileLiquid],
  ['handlebars', compileHandlebars],
]);

const problem = (part: TemplatePart, reason: string): TemplateError =>
  new TemplateError('ERR_TEMPLATE_SYNTAX', { part }, reason);

/** Compiles every part and reports what is wrong with each; `report` throws, or the result is not used. */
const compile = (
  template: Template,
  limits: RenderLimits,
  report: (error: TemplateError) => void,
): CompiledTemplate => {
  const compilePart = compilers.get(template.language);
  if (compilePart === undefined)
    report(problem('language', `"${template.language}" is neither liquid nor handlebars`));
  if (template.text === null && template.html === null)
    report(problem('text', 'text, html or both are needed'));
  const compiled = (source: string, part: TemplatePart, asHtml: boolean): PartRenderer => {
    try {
      if (compilePart !== undefined) return compilePart(source, part, asHtml, limits);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      report(error);
    }
    return () => undefined;
  };
  const subject = compiled(template.subject, 'subject', false);
  const text = template.text === null ? undefined : compiled(template.text, 'text', false);
  const html = template.html === null ? undefined : compiled(template.html, 'html', true);
  const headers = template.headers.map(({ name, value }, index) => {
    if (isReservedHeader(name)) report(problem(`headers[${index}].name`, `${name} is written by Millrace`));
    else if (!isFieldName(name))
      report(problem(`headers[${index}].name`, `"${name}" is not a header field name`));
    return { name, value: compiled(value, `headers[${index}].value`, false) };
  });
  const textOf = (part: PartRenderer, variables: Variables): string => {
    const sink = new TextSink(limits.maxLength);
    part(variables, sink);
    return sink.text;
  };
  const bodyOf = (part: PartRenderer | undefined, variables: Variables): QuotedPrintable | null => {
    if (part === undefined) return null;
    const sink = new BodySink(limits.maxLength);
    part(variables, sink);
    return sink.body.end();
  };
  return {
    key: templateKey(template.tenant, template.template_id, template.version),
    render: (variables) => ({
      subject: textOf(subject, variables),
      headers: headers.map(({ name, value }) => ({ name, value: textOf(value, variables) })),
      text: bodyOf(text, variables),
      html: bodyOf(html, variables),
    }),
  };
};

const thrown = (error: TemplateError): never => {
  throw error;
};

const sourceLength = (template: Template): number =>
  template.subject.length + (template.text?.length ?? 0) + (template.html?.length ?? 0);

/** A bounded cache of compiled templates. */
export class TemplateRenderer {
  readonly #limits: RenderLimits;
  readonly #maxCompiled: number;
  readonly #maxSourceLength: number;
  /** In the order of their last use. */
  readonly #compiled = new Map<string, { readonly template: CompiledTemplate; readonly length: number }>();
  #sourceLength = 0;

  constructor(options: TemplateRendererOptions = {}) {
    this.#limits = {
      maxLength: options.maxLength ?? defaultLimits.maxLength,
      maxMs: options.maxMs ?? defaultLimits.maxMs,
    };
    this.#maxCompiled = options.maxCompiled ?? 500;
    this.#maxSourceLength = options.maxSourceLength ?? 32 * 1_048_576;
  }

  /** The template, compiled now or before: one version never changes. Throws {@link TemplateError} with ERR_TEMPLATE_SYNTAX. */
  compiled(template: Template): CompiledTemplate {
    const key = templateKey(template.tenant, template.template_id, template.version);
    const known = this.#compiled.get(key);
    if (known !== undefined) {
      this.#compiled.delete(key);
      this.#compiled.set(key, known);
      return known.template;
    }
    const entry = { template: compile(template, this.#limits, thrown), length: sourceLength(template) };
    this.#compiled.set(key, entry);
    this.#sourceLength += entry.length;
    for (const [oldest, { length }] of this.#compiled) {
      if (this.#compiled.size <= this.#maxCompiled && this.#sourceLength <= this.#maxSourceLength) break;
      if (oldest === key) break;
      this.#compiled.delete(oldest);
      this.#sourceLength -= length;
    }
    return entry.template;
  }
}

/** Everything that is wrong with a template, one error a part at most; none when it compiles. */
export const templateProblems = (template: Template): readonly TemplateError[] => {
  const problems: TemplateError[] = [];
  compile(template, defaultLimits, (error) => problems.push(error));
  return problems;
};
