/**
 * liquidjs with a shorter way for what templates consist of: their own text, `{{ }}`, `if`, `unless` and `for`. liquidjs
 * renders by generators, some dozens for each of these, which makes rendering as expensive as everything else that
 * becomes of a message; here they are rendered by plain functions over what liquidjs has parsed. Other tags, and what is
 * special about a loop, still go its way.
 */
import {
  type Context,
  Drop,
  type Emitter,
  ForTag,
  IfTag,
  isTruthy,
  Liquid,
  LiquidError,
  Output,
  RenderError,
  type Template,
  TypeGuards,
  toValue,
  toValueSync,
  UnlessTag,
} from 'liquidjs';
import { SharedText } from '../mime/quoted-printable.ts';
import { type Read, readerOf, readerOfPath } from './liquid-value.ts';
import { type Sink, TextSink } from './part-renderer.ts';

/** What liquidjs writes to; hands on to a sink. `buffer` is what a block such as `capture` reads back. */
class SinkEmitter implements Emitter {
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
  const plain: unknown = toValue(value);
  if (plain === null || plain === undefined) return '';
  return Array.isArray(plain) ? plain.map(textOf).join('') : String(plain);
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

/** `forloop`, as liquidjs's own, which it does not export. A template reads fields and calls methods by their names. */
class ForloopDrop extends Drop {
  i = 0;
  readonly length: number;
  readonly name: string;

  constructor(length: number, name: string) {
    super();
    this.length = length;
    this.name = name;
  }

  next(): void {
    this.i += 1;
  }
  index0(): number {
    return this.i;
  }
  index(): number {
    return this.i + 1;
  }
  first(): boolean {
    return this.i === 0;
  }
  last(): boolean {
    return this.i === this.length - 1;
  }
  rindex(): number {
    return this.length - this.i;
  }
  rindex0(): number {
    return this.length - this.i - 1;
  }
  override valueOf(): string {
    return JSON.stringify(this);
  }
}

/** One element of a template. */
type Step = { readonly template: Template } & (
  | { readonly kind: 'text'; readonly text: SharedText }
  | { readonly kind: 'value'; readonly read: Read; readonly asHtml: boolean }
  | { readonly kind: 'choice'; readonly branches: readonly Branch[]; readonly otherwise: readonly Step[] }
  | { readonly kind: 'loop'; readonly loop: Loop }
  | { readonly kind: 'other' }
);

interface Branch {
  readonly read: Read;
  readonly test: (value: unknown, context: Context) => boolean;
  readonly steps: readonly Step[];
}

interface Loop {
  readonly read: Read;
  readonly variable: string;
  /** Of the `forloop`. */
  readonly name: string;
  /** Where another loop with `offset: continue` finds how far this one has come. */
  readonly register: string;
  readonly steps: readonly Step[];
  readonly otherwise: readonly Step[];
}

/** A loop over a path without `limit` and the like; undefined for any other. */
const loopOf = (
  tag: ForTag,
  stepsOf: (templates: readonly Template[]) => readonly Step[],
): Loop | undefined => {
  const { variable, collection, hash, templates, elseTemplates } = tag;
  const read = readerOfPath(collection);
  if (read === undefined || variable === 'forloop' || Object.keys(hash.hash).length > 0) return undefined;
  const name = `${variable}-${collection.getText()}`;
  return {
    read,
    variable,
    name,
    register: `continue-${name}`,
    steps: stepsOf(templates),
    otherwise: stepsOf(elseTemplates),
  };
};

/** Prototype of a scope: liquidjs takes a name for a variable wherever `in` finds it. */
const noNames: object = Object.freeze(Object.create(null));

/** Steps and iterations between looks at the clock. */
const stepsPerCheck = 64;

export interface LiquidEngine {
  readonly liquid: Liquid;
  /** Renders what `liquid` has parsed, within the context's limits. */
  render(templates: readonly Template[], context: Context, sink: Sink): void;
}

/**
 * A liquidjs whose templates stand alone: nothing is read from files. `asHtml`: outputs are escaped. `maxLength`: of a
 * block that a template keeps for itself, UTF-16 units.
 */
export const liquidEngine = (asHtml: boolean, maxLength: number): LiquidEngine => {
  const liquid = new Liquid({
    strictFilters: true,
    ownPropertyOnly: true,
    // What is looked up in here is never found, instead of in the file system.
    templates: {},
    ...(asHtml ? { outputEscape: 'escape' as const } : {}),
  });
  for (const tag of ['include', 'render', 'layout', 'block']) delete liquid.tags[tag];

  const stepOf = (template: Template): Step => {
    if (TypeGuards.isHTMLToken(template.token))
      return { kind: 'text', template, text: new SharedText(template.token.getContent()) };
    if (template instanceof Output) {
      const { value } = template;
      // In HTML each output but those that end with `raw` ends with the escaping that liquidjs has added to it.
      const escapes = asHtml && value.filters.at(-1)?.raw === false;
      const read = readerOf(value, escapes ? value.filters.slice(0, -1) : value.filters);
      return { kind: 'value', template, read, asHtml: escapes };
    }
    if (template instanceof IfTag || template instanceof UnlessTag) {
      const branches = template.branches.map((branch) => ({
        read: readerOf(branch.value),
        test: 'test' in branch ? branch.test : isTruthy,
        steps: stepsOf(branch.templates),
      }));
      return { kind: 'choice', template, branches, otherwise: stepsOf(template.elseTemplates ?? []) };
    }
    const loop = template instanceof ForTag ? loopOf(template, stepsOf) : undefined;
    return loop === undefined ? { kind: 'other', template } : { kind: 'loop', template, loop };
  };

  const known = new WeakMap<readonly Template[], readonly Step[]>();
  const stepsOf = (templates: readonly Template[]): readonly Step[] => {
    const steps = known.get(templates) ?? templates.map(stepOf);
    known.set(templates, steps);
    return steps;
  };

  let untilCheck = stepsPerCheck;
  const checkTime = (context: Context): void => {
    untilCheck -= 1;
    if (untilCheck > 0) return;
    untilCheck = stepsPerCheck;
    context.renderLimit.check(performance.now());
  };

  const runOther = (template: Template, context: Context, emitter: SinkEmitter): void => {
    const written: unknown = toValueSync(template.render(context, emitter));
    if (written) emitter.write(written);
  };

  const runLoop = (loop: Loop, items: readonly unknown[], context: Context, emitter: SinkEmitter): void => {
    if (items.length === 0) {
      run(loop.otherwise, context, emitter);
      return;
    }
    context.setRegister(loop.register, items.length);
    const forloop = new ForloopDrop(items.length, loop.name);
    const scope: Record<string, unknown> = Object.create(noNames);
    scope.forloop = forloop;
    context.push(scope);
    for (let at = 0; at < items.length; at += 1) {
      checkTime(context);
      scope[loop.variable] = items[at];
      context.continueCalled = false;
      context.breakCalled = false;
      run(loop.steps, context, emitter);
      if (context.breakCalled) break;
      forloop.next();
    }
    context.continueCalled = false;
    context.breakCalled = false;
    context.pop();
  };

  const runStep = (step: Step | undefined, context: Context, emitter: SinkEmitter): void => {
    switch (step?.kind) {
      case 'text':
        emitter.sink.writeShared(step.text);
        break;
      case 'value': {
        const text = textOf(step.read(context));
        emitter.sink.write(step.asHtml ? escaped(text) : text);
        break;
      }
      case 'choice': {
        const chosen = step.branches.find(({ read, test }) => test(toValue(read(context)), context));
        run(chosen?.steps ?? step.otherwise, context, emitter);
        break;
      }
      case 'loop': {
        const items = step.loop.read(context);
        if (Array.isArray(items)) runLoop(step.loop, items, context, emitter);
        else runOther(step.template, context, emitter);
        break;
      }
      case 'other':
        runOther(step.template, context, emitter);
        break;
      default:
        step satisfies undefined;
    }
  };

  const run = (steps: readonly Step[], context: Context, emitter: SinkEmitter): void => {
    let at = 0;
    try {
      for (; at < steps.length; at += 1) {
        checkTime(context);
        runStep(steps[at], context, emitter);
        if (context.breakCalled || context.continueCalled) break;
      }
    } catch (error) {
      const template = steps[at]?.template;
      if (template === undefined || !(error instanceof Error) || LiquidError.is(error)) throw error;
      throw new RenderError(error, template);
    }
  };

  // Every block that liquidjs renders comes through this one function.
  // biome-ignore lint/correctness/useYield: what liquidjs takes is a generator; nothing is awaited, so nothing is yielded
  liquid.renderer.renderTemplates = function* (templates, context, into): Generator<never, string> {
    const emitter = into instanceof SinkEmitter ? into : new SinkEmitter(new TextSink(maxLength));
    run(stepsOf(templates), context, emitter);
    return emitter.buffer;
  };
  return {
    liquid,
    render: (templates, context, sink) => run(stepsOf(templates), context, new SinkEmitter(sink)),
  };
};
