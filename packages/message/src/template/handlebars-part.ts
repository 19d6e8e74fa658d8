/** Handlebars. A template stands alone: no partials, no decorators, no helpers beyond the built-in ones. */
import Handlebars from 'handlebars';
import type { CompilePart } from './part-renderer.ts';
import { TemplateError, type TemplatePart } from './template-error.ts';

/** Iterations of all loops of one rendering. */
const maxIterations = 100_000;

interface Budget {
  iterationsLeft: number;
  /** performance.now() clock, ms. */
  endsAt: number;
  lengthLeft: number;
}

/** The budget of the rendering that runs now: rendering is synchronous, so there is one at most. */
let budget: Budget = { iterationsLeft: 0, endsAt: 0, lengthLeft: 0 };

const spend = (): void => {
  budget.iterationsLeft -= 1;
  if (budget.iterationsLeft < 0) throw new RangeError(`more than ${maxIterations} iterations`);
  if ((budget.iterationsLeft & 63) === 0 && performance.now() > budget.endsAt)
    throw new RangeError('takes too long');
};

/** An engine of our own: what others register on the shared one is not seen here. */
const engine = Handlebars.create();
engine.unregisterHelper('log');
const each = engine.helpers.each;
engine.registerHelper('each', function (this: unknown, items: unknown, options?: Handlebars.HelperOptions) {
  if (options === undefined || each === undefined) throw new TypeError('#each needs a list');
  const { fn } = options;
  const bounded: Handlebars.TemplateDelegate = (context, runtime) => {
    spend();
    const text = fn(context, runtime);
    budget.lengthLeft -= text.length;
    if (budget.lengthLeft < 0) throw new RangeError('the result is too long');
    return text;
  };
  return each.call(this, items, { ...options, fn: bounded });
});

const knownHelpers = {
  each: true,
  if: true,
  unless: true,
  with: true,
  lookup: true,
  log: false,
  helperMissing: false,
  blockHelperMissing: true,
};

/** Refuses what would lead outside the template, or could call itself. */
class StandAlone extends Handlebars.Visitor {
  override PartialStatement(partial: hbs.AST.PartialStatement): void {
    throw new Handlebars.Exception('Partials are not available: a template stands alone', partial);
  }
  override PartialBlockStatement(partial: hbs.AST.PartialBlockStatement): void {
    throw new Handlebars.Exception('Partials are not available: a template stands alone', partial);
  }
  override Decorator(decorator: hbs.AST.Decorator): void {
    throw new Handlebars.Exception('Decorators are not available', decorator);
  }
  override DecoratorBlock(decorator: hbs.AST.DecoratorBlock): void {
    throw new Handlebars.Exception('Inline partials and decorators are not available', decorator);
  }
}

/** Handlebars' default, said aloud: otherwise it writes a warning to the console whenever a template tries. */
const ownPropertiesOnly = { allowProtoPropertiesByDefault: false, allowProtoMethodsByDefault: false };

const numberOr = (value: unknown, offset: number): number | undefined =>
  typeof value === 'number' ? value + offset : undefined;

const syntaxError = (part: TemplatePart, cause: unknown): TemplateError => {
  const message = cause instanceof Error ? cause.message : String(cause);
  const place = cause instanceof Handlebars.Exception ? cause : undefined;
  const line =
    numberOr(place?.lineNumber, 0) ?? numberOr(Number(/on line (\d+)/.exec(message)?.[1] ?? Number.NaN), 0);
  const reason = message
    .replace(/ - \d+:\d+$/, '')
    .replace(/^(?:Parse|Lexical) error on line \d+[:.]\s*/, '')
    .replaceAll('\n', ' ')
    .replace(/^You specified knownHelpersOnly, but used the unknown helper (.*)$/, 'There is no helper "$1"');
  return new TemplateError(
    'ERR_TEMPLATE_SYNTAX',
    { part, line: Number.isNaN(line) ? undefined : line, column: numberOr(place?.column, 1) },
    reason,
    { cause },
  );
};

export const compileHandlebars: CompilePart = (source, part, asHtml, limits) => {
  const options = { noEscape: !asHtml, knownHelpers, knownHelpersOnly: true };
  let template: Handlebars.TemplateDelegate<unknown>;
  try {
    const program = engine.parse(source);
    new StandAlone().accept(program);
    // compile() alone would wait for the first rendering.
    engine.precompile(program, options);
    template = engine.compile<unknown>(program, options);
  } catch (cause) {
    throw syntaxError(part, cause);
  }
  return (variables, sink) => {
    budget = {
      iterationsLeft: maxIterations,
      endsAt: performance.now() + limits.maxMs,
      lengthLeft: 4 * limits.maxLength,
    };
    try {
      sink.write(template(variables, ownPropertiesOnly));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TemplateError('ERR_TEMPLATE_RENDER', { part }, reason, { cause });
    }
  };
};
