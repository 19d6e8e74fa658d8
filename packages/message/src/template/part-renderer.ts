/** What the two template languages have in common: one part of a template, compiled, within limits. */
import type { TemplatePart } from './template-error.ts';

/** What a template sees: JSON values by name. */
export type Variables = Readonly<Record<string, unknown>>;

/** One part, ready to be rendered any number of times. Throws TemplateError with ERR_TEMPLATE_RENDER. */
export type PartRenderer = (variables: Variables) => string;

/** Bounds of one rendering, so that no template and no variables can hold up a worker or fill its memory. */
export interface RenderLimits {
  /** Largest rendered part, UTF-16 units. */
  readonly maxLength: number;
  /** Longest rendering of a part, ms. */
  readonly maxMs: number;
}

/** Compiles one part. Throws TemplateError with ERR_TEMPLATE_SYNTAX. `asHtml`: values are text, the result is HTML. */
export type CompilePart = (
  source: string,
  part: TemplatePart,
  asHtml: boolean,
  limits: RenderLimits,
) => PartRenderer;
