/**
 * liquidjs with a shorter way for what templates consist of: their own text and plain `{{ a.b.c }}`. liquidjs walks
 * through nine generators for each of the latter, which makes rendering three times as expensive as everything
 * else that becomes of a message; what is not plain still goes its way.
 */
import {
  type Context,
  type Emitter,
  Liquid,
  LiquidError,
  Output,
  RenderError,
  type Template,
  TypeGuards,
  toValueSync,
} from 'liquidjs';
import { SharedText } from '../mime/quoted-printable.ts';
import { type Sink, TextSink } from './part-renderer.ts';

/** What liquidjs writes to; hands on to a sink. `buffer` is what a block such as `capture` reads back. */
export class SinkEmitter implements Emitter {
  readonly sink: Sink;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  get buffer(): string {
    return this.sink instanceof TextSink ? this.sink.text : '';
  }

  write(value: unknown): void {
    this.sink.write(textOf(value));
  }
}

/** A value as liquidjs writes it: nothing for nil, the elements of a list one after the other. */
const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  return Array.isArray(value) ? value.map(textOf).join('') : String(value);
};

const special = /[&<>"']/;
const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

/** The text with HTML's special characters as references, as liquidjs's `escape`. */
const escaped = (text: string): string =>
  special.test(text) ? text.replaceAll(/[&<>"']/g, (letter) => entities[letter] ?? letter) : text;

/** One element of a template. */
type Step =
  | { readonly kind: 'text'; readonly text: SharedText }
  | { readonly kind: 'value'; readonly path: readonly [string, ...string[]]; readonly asHtml: boolean }
  | { readonly kind: 'other'; readonly template: Template };

/** The path of `{{ a.b.c }}`; undefined for anything with filters, operators, indices or literals. */
const pathOf = (output: Output, filters: number): readonly [string, ...string[]] | undefined => {
  const { value } = output;
  const [token, ...more] = value.initial.postfix;
  if (more.length > 0 || value.filters.length !== filters || value.filters.some(({ raw }) => raw))
    return undefined;
  if (!TypeGuards.isPropertyAccessToken(token) || token.variable !== undefined) return undefined;
  const names = token.props.map((prop) => (TypeGuards.isWordToken(prop) ? prop.content : undefined));
  const [first, ...rest] = names.filter((name) => name !== undefined);
  return first === undefined || names.includes(undefined) ? undefined : [first, ...rest];
};

const stepOf = (template: Template, asHtml: boolean): Step => {
  if (TypeGuards.isHTMLToken(template.token))
    return { kind: 'text', text: new SharedText(template.token.getContent()) };
  // In HTML each output ends with the escaping that liquidjs has added to it.
  const path = template instanceof Output ? pathOf(template, asHtml ? 1 : 0) : undefined;
  return path === undefined ? { kind: 'other', template } : { kind: 'value', path, asHtml };
};

const valueAt = (context: Context, [first, ...rest]: readonly [string, ...string[]]): unknown => {
  // biome-ignore lint/complexity/useLiteralKeys: private to liquidjs, and the one way to find a loop's variable
  let value: unknown = context.readProperty(context['findScope'](first), first);
  for (const name of rest) {
    if (value === null || value === undefined) return value;
    value = context.readProperty(Object(value), name);
  }
  return value;
};

/** Steps between looks at the clock. */
const stepsPerCheck = 64;

const renderTemplate = (template: Template, context: Context, emitter: Emitter): void => {
  try {
    const written: unknown = toValueSync(template.render(context, emitter));
    if (written) emitter.write(written);
  } catch (error) {
    if (error instanceof Error && !LiquidError.is(error)) throw new RenderError(error, template);
    throw error;
  }
};

/** A liquidjs whose templates stand alone: nothing is read from files. `asHtml`: outputs are escaped. */
export const liquidEngine = (asHtml: boolean, maxLength: number): Liquid => {
  const liquid = new Liquid({
    strictFilters: true,
    ownPropertyOnly: true,
    // What is looked up in here is never found, instead of in the file system.
    templates: {},
    ...(asHtml ? { outputEscape: 'escape' as const } : {}),
  });
  for (const tag of ['include', 'render', 'layout', 'block']) delete liquid.tags[tag];

  const stepsOf = new WeakMap<readonly Template[], readonly Step[]>();
  let untilCheck = stepsPerCheck;

  // Every block of a template is rendered through this one function. Nothing is awaited, so nothing is yielded.
  liquid.renderer.renderTemplates = function* (templates, context, into): Generator<never, string> {
    const emitter = into ?? new SinkEmitter(new TextSink(maxLength));
    const sink = emitter instanceof SinkEmitter ? emitter.sink : undefined;
    let steps = stepsOf.get(templates);
    if (steps === undefined) {
      steps = templates.map((template) => stepOf(template, asHtml));
      stepsOf.set(templates, steps);
    }
    for (const step of steps) {
      untilCheck -= 1;
      if (untilCheck <= 0) {
        untilCheck = stepsPerCheck;
        context.renderLimit.check(performance.now());
      }
      switch (step.kind) {
        case 'text':
          if (sink === undefined) emitter.write(step.text.text);
          else sink.writeShared(step.text);
          break;
        case 'value': {
          const text = textOf(valueAt(context, step.path));
          emitter.write(step.asHtml ? escaped(text) : text);
          break;
        }
        case 'other':
          renderTemplate(step.template, context, emitter);
          break;
        default:
          step satisfies never;
      }
      if (context.breakCalled || context.continueCalled) break;
    }
    return emitter.buffer;
  };
  return liquid;
};
