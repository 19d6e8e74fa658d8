/** The configuration: a YAML file, the defaults of what it leaves out, and the environment over both. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { Config } from './config-schema.ts';
import { crossCheck } from './cross-checks.ts';
import { type Environment, withEnvironment } from './environment.ts';
import { checkSettings, type SettingProblem } from './settings.ts';
import { type KeyPath, keyOf, parseYaml, type YamlFile } from './yaml-file.ts';

export interface LoadConfigOptions {
  /** Default: `MILLRACE_CONFIG`, else ./millrace.yaml where there is one, else no file: every key at its default. */
  readonly file?: string | undefined;
  readonly env: Environment;
}

const noFile: Omit<YamlFile, 'name'> = { value: null, lineOf: () => undefined };

const readFile = (file: string): YamlFile => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason =
      cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
        ? 'there is no such file'
        : String(cause);
    throw new ConfigError([{ file, line: undefined, variable: undefined, key: '', message: `${reason}.` }], {
      cause,
    });
  }
  return parseYaml(text, file);
};

const has = (value: unknown, path: KeyPath): boolean => {
  let inner = value;
  for (const part of path) {
    if (typeof inner !== 'object' || inner === null) return false;
    inner = Reflect.get(inner, part);
  }
  return inner !== undefined && inner !== null;
};

const isUnder = (path: KeyPath, parent: KeyPath): boolean =>
  parent.every((part, index) => path[index] === part);

/** Throws ConfigError (code ERR_CONFIG), whose message names file, line and key of everything that is wrong. */
export const loadConfig = ({ file, env }: LoadConfigOptions): Config => {
  const named = file ?? (env.MILLRACE_CONFIG || undefined);
  const found = named ?? (existsSync('millrace.yaml') ? 'millrace.yaml' : undefined);
  const yaml = found === undefined ? undefined : readFile(found);
  const { lineOf } = yaml ?? noFile;
  const { value: raw, variables } = withEnvironment(yaml?.value, env);

  const place = ({ path, message }: SettingProblem): ConfigProblem => {
    const parent = path.slice(0, -1);
    const from =
      variables.find((variable) => isUnder(path, variable.path)) ??
      (has(yaml?.value, parent) ? undefined : variables.find((variable) => isUnder(variable.path, parent)));
    const key = keyOf(path);
    return from === undefined
      ? { file: found, line: lineOf(path), variable: undefined, key, message }
      : { file: undefined, line: undefined, variable: from.variable, key, message };
  };
  const refuse = (problems: readonly SettingProblem[]): void => {
    const [first, ...rest] = problems.map(place);
    if (first !== undefined) throw new ConfigError([first, ...rest]);
  };

  const base = found === undefined ? process.cwd() : dirname(resolve(found));
  const { value, problems } = checkSettings(Config, raw ?? {}, base);
  refuse(problems);
  const config = value as Config;
  refuse(crossCheck(config));
  return config;
};
