/** Liquid (Shopify's language), by liquidjs. */
import { Context, LiquidError, type Template } from 'liquidjs';
import { liquidEngine } from './liquid-engine.ts';
import type { CompilePart } from './part-renderer.ts';
import { TemplateError, type TemplatePart } from './template-error.ts';

/** Memory that filters may use, in liquidjs's own count of characters and list elements, for each character of the result. */
const memoryFactor = 8;
/** Largest text of a block that a template keeps for itself, such as `capture`. */
const maxBlockLength = 2 * 1_048_576;

const escaping = liquidEngine(true, maxBlockLength);
const plain = liquidEngine(false, maxBlockLength);

const errorOf = (
  code: 'ERR_TEMPLATE_SYNTAX' | 'ERR_TEMPLATE_RENDER',
  part: TemplatePart,
  cause: unknown,
): TemplateError => {
  if (!(cause instanceof Error)) return new TemplateError(code, { part }, String(cause), { cause });
  const token = LiquidError.is(cause) && 'token' in cause ? cause.token : undefined;
  const [line, column] = token instanceof Object && 'getPosition' in token ? positionOf(token) : [];
  // liquidjs appends the place to its messages; here it is a field.
  const reason = cause.message.replace(/, line:\d+, col:\d+$/, '');
  return new TemplateError(code, { part, line, column }, reason, { cause });
};

const positionOf = (token: object): readonly [number?, number?] => {
  const position: unknown =
    'getPosition' in token && typeof token.getPosition === 'function' ? token.getPosition() : undefined;
  if (!Array.isArray(position)) return [];
  const [line, column]: readonly unknown[] = position;
  return typeof line === 'number' && typeof column === 'number' ? [line, column] : [];
};

export const compileLiquid: CompilePart = (source, part, asHtml, limits) => {
  const { liquid, render } = asHtml ? escaping : plain;
  let templates: readonly Template[];
  try {
    templates = liquid.parse(source);
  } catch (cause) {
    throw errorOf('ERR_TEMPLATE_SYNTAX', part, cause);
  }
  const renderOptions = {
    sync: true,
    renderLimit: limits.maxMs,
    memoryLimit: memoryFactor * limits.maxLength,
  };
  // They write into what they are given.
  const writes = /increment|decrement/.test(source);
  return (variables, sink) => {
    try {
      const scope = writes ? { ...variables } : variables;
      const context = new Context(scope, liquid.options, renderOptions, { liquid });
      render(templates, context, sink);
    } catch (cause) {
      throw errorOf('ERR_TEMPLATE_RENDER', part, cause);
    }
  };
};
