/**
 * What stands in `{{ }}`, in conditions and behind `in`, as plain functions over liquidjs's own parse. liquidjs walks
 * through nine generators for `{{ a.b }}`; here only what is none of path, literal, comparison, `and`, `or` does.
 */
import {
  type Context,
  evalToken,
  isTruthy,
  type Output,
  TypeGuards,
  toValueSync,
  type Value,
} from 'liquidjs';

/** The value in one rendering, `Drop`s as such. */
export type Read = (context: Context) => unknown;

type Token = Value['initial']['postfix'][number];
type Path = readonly [string, ...(string | number)[]];

/** `a.b`, `a["b"]`, `a[0]`; undefined for a path with a variable in it or of a literal. */
const pathOf = (token: Token): Path | undefined => {
  if (!TypeGuards.isPropertyAccessToken(token) || token.variable !== undefined) return undefined;
  const keys: (string | number)[] = [];
  for (const prop of token.props) {
    if (!TypeGuards.isWordToken(prop) && !TypeGuards.isQuotedToken(prop) && !TypeGuards.isNumberToken(prop))
      return undefined;
    keys.push(prop.content);
  }
  const [first, ...rest] = keys;
  return typeof first === 'string' ? [first, ...rest] : undefined;
};

const pathReader = ([first, ...rest]: Path): Read => {
  return (context) => {
    // biome-ignore lint/complexity/useLiteralKeys: private to liquidjs, and the one way to find a loop's variable
    let value = context.readProperty(context['findScope'](first), first);
    for (const key of rest) {
      if (value === null || value === undefined) break;
      value = context.readProperty(value, key);
    }
    return value;
  };
};

const tokenReader = (token: Token): Read => {
  if (
    TypeGuards.isNumberToken(token) ||
    TypeGuards.isQuotedToken(token) ||
    TypeGuards.isLiteralToken(token)
  ) {
    const { content } = token;
    return () => content;
  }
  const path = pathOf(token);
  return path === undefined ? (context) => toValueSync(evalToken(token, context)) : pathReader(path);
};

/** The reader of a path; undefined for anything else. */
export const readerOfPath = (token: Token): Read | undefined => {
  const path = pathOf(token);
  return path === undefined ? undefined : pathReader(path);
};

/** Not a list, an object or one of liquidjs's own such as `blank`, which are compared in their own ways. */
const isPlain = (value: unknown): boolean => typeof value !== 'object' || value === null;

type Operation = (left: unknown, right: unknown, context: Context) => unknown;

const operationOf = (operator: string): Operation => {
  const liquidjs: Operation = (left, right, context) =>
    toValueSync(context.opts.operators[operator]?.(left, right, context));
  switch (operator) {
    case '==':
      return (left, right, context) =>
        isPlain(left) && isPlain(right) ? left === right : liquidjs(left, right, context);
    case '!=':
      return (left, right, context) =>
        isPlain(left) && isPlain(right) ? left !== right : liquidjs(left, right, context);
    case '>':
      return (left, right, context) =>
        typeof left === 'number' && typeof right === 'number' ? left > right : liquidjs(left, right, context);
    case '<':
      return (left, right, context) =>
        typeof left === 'number' && typeof right === 'number' ? left < right : liquidjs(left, right, context);
    case 'and':
      return (left, right, context) => isTruthy(left, context) && isTruthy(right, context);
    case 'or':
      return (left, right, context) => isTruthy(left, context) || isTruthy(right, context);
    default:
      return liquidjs;
  }
};

/** Unary, and so its operands are others. */
const negation = 'not';

const expressionReader = (expression: Value['initial']): Read => {
  const stack: Read[] = [];
  for (const token of expression.postfix) {
    if (!TypeGuards.isOperatorToken(token)) {
      stack.push(tokenReader(token));
      continue;
    }
    const right = stack.pop();
    const left = token.operator === negation ? undefined : stack.pop();
    if (left === undefined || right === undefined)
      return (context) => toValueSync(expression.evaluate(context));
    const operation = operationOf(token.operator);
    stack.push((context) => operation(left(context), right(context), context));
  }
  const [read] = stack;
  return read ?? (() => undefined);
};

/** The reader of an expression and its filters, which are liquidjs's. `filters`: default all of the value's. */
export const readerOf = (value: Value, filters: Output['value']['filters'] = value.filters): Read => {
  let read = expressionReader(value.initial);
  for (const filter of filters) {
    const unfiltered = read;
    read = (context) => toValueSync(filter.render(unfiltered(context), context));
  }
  return read;
};
