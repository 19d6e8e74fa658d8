/** Liquid (Shopify's language), by liquidjs. A template stands alone: nothing is read from files. */
import { Context, type Emitter, Liquid, LiquidError, toValueSync } from 'liquidjs';
import type { CompilePart, RenderLimits } from './part-renderer.ts';
import { TemplateError, type TemplatePart } from './template-error.ts';

/** Memory that filters may use, liquidjs's own count: characters and list elements. */
const memoryFactor = 8;

const engineOf = (asHtml: boolean): Liquid => {
  const liquid = new Liquid({
    strictFilters: true,
    ownPropertyOnly: true,
    // What is looked up in here is never found, instead of in the file system.
    templates: {},
    ...(asHtml ? { outputEscape: 'escape' as const } : {}),
  });
  for (const tag of ['include', 'render', 'layout', 'block']) delete liquid.tags[tag];
  return liquid;
};

const escaping = engineOf(true);
const plain = engineOf(false);

/** Collects what is rendered up to a length. Values are written as liquidjs's own emitter writes them. */
class BoundedEmitter implements Emitter {
  buffer = '';
  readonly #maxLength: number;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  write(value: unknown): void {
    this.buffer += typeof value === 'string' ? value : textOf(value);
    if (this.buffer.length > this.#maxLength)
      throw new RangeError(`longer than ${this.#maxLength} characters`);
  }
}

const textOf = (value: unknown): string => {
  if (value === null || value === undefined) return '';
  return Array.isArray(value) ? value.map(textOf).join('') : String(value);
};

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

export const compileLiquid: CompilePart = (source, part, asHtml, limits: RenderLimits) => {
  const liquid = asHtml ? escaping : plain;
  let templates: ReturnType<Liquid['parse']>;
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
  return (variables) => {
    const emitter = new BoundedEmitter(limits.maxLength);
    try {
      const context = new Context(variables, liquid.options, renderOptions, { liquid });
      toValueSync(liquid.renderer.renderTemplates(templates, context, emitter));
      return emitter.buffer;
    } catch (cause) {
      throw errorOf('ERR_TEMPLATE_RENDER', part, cause);
    }
  };
};
