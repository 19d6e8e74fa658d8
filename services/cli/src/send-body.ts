/** From the flags of `millrace send` to the body of POST /v1/messages. */
import { basename } from 'node:path';
import { detectMimeType } from 'nodemailer/lib/mime-funcs';
import { usageError } from './cli-error.ts';
import { parseDurationMs } from './duration.ts';
import { recipientsOf } from './eml.ts';
import { headerPairs, textPairs } from './pairs.ts';

/** What the command line says; lists are of flags that may be given more than once. */
export interface SendFlags {
  readonly from?: string;
  readonly to: readonly string[];
  readonly subject?: string;
  readonly text?: string;
  readonly textFile?: string;
  readonly html?: string;
  readonly htmlFile?: string;
  readonly attach: readonly string[];
  readonly header: readonly string[];
  readonly replyTo?: string;
  readonly eml?: string;
  readonly template?: string;
  readonly var: readonly string[];
  readonly variables?: string;
  readonly stream?: string;
  readonly category?: string;
  readonly campaign?: string;
  readonly tag: readonly string[];
  readonly metadata: readonly string[];
  readonly sendAt?: string;
  readonly expiresAt?: string;
  readonly pool?: string;
  readonly guarantee?: string;
}

export interface SendInputs {
  /** Bytes of a file that the command line names. */
  readonly read: (name: string) => Promise<Buffer>;
  readonly now: number;
}

/** Throws CliError (usage) for flags that do not go together. What they hold, ingest checks. */
export async function sendBodyOf(flags: SendFlags, inputs: SendInputs): Promise<Record<string, unknown>> {
  const content = await contentOf(flags, inputs);
  const to = flags.to.length > 0 ? flags.to : content.to;
  if (to.length === 0) {
    throw usageError(
      flags.eml === undefined ? 'No recipient is given.' : `${flags.eml} names no recipient in To or Cc.`,
      'Give --to ADDRESS, as often as needed.',
    );
  }
  if (flags.from === undefined && flags.eml === undefined)
    throw usageError('No sender is given.', 'Give --from ADDRESS.');
  return {
    ...(flags.from === undefined ? {} : { from: flags.from }),
    to,
    ...content.fields,
    ...(flags.replyTo === undefined ? {} : { reply_to: flags.replyTo }),
    ...(flags.header.length > 0 ? { headers: headerPairs('--header', flags.header) } : {}),
    ...given('stream', flags.stream),
    ...given('category', flags.category),
    ...given('campaign', flags.campaign),
    ...(flags.tag.length > 0 ? { tags: flags.tag } : {}),
    ...(flags.metadata.length > 0 ? { metadata: textPairs('--metadata', flags.metadata) } : {}),
    ...given('send_at', flags.sendAt && momentOf(flags.sendAt, inputs.now)),
    ...given('expires_at', flags.expiresAt && momentOf(flags.expiresAt, inputs.now)),
    ...given('pool', flags.pool),
    ...given('guarantee', flags.guarantee),
  };
}

const given = (name: string, value: string | undefined): Record<string, string> =>
  value === undefined ? {} : { [name]: value };

/** A length of time from now, or a date-time as it is. */
const momentOf = (text: string, now: number): string => {
  const wait = parseDurationMs(text.replace(/^\+/, ''));
  return wait === undefined ? text : new Date(now + wait).toISOString();
};

interface Content {
  readonly fields: Record<string, unknown>;
  /** Recipients that the content itself names. */
  readonly to: readonly string[];
}

async function contentOf(flags: SendFlags, inputs: SendInputs): Promise<Content> {
  const written = ['subject', 'text', 'textFile', 'html', 'htmlFile'] as const;
  const kinds = [
    flags.eml === undefined ? [] : ['--eml'],
    flags.template === undefined ? [] : ['--template'],
    written.some((name) => flags[name] !== undefined) || flags.attach.length > 0
      ? ['--subject with --text or --html']
      : [],
  ].flat();
  if (kinds.length !== 1) {
    throw usageError(
      kinds.length === 0 ? 'No content is given.' : `${kinds.join(' and ')} do not go together.`,
      'Give one of: --subject with --text or --html; --template ID; --eml FILE.',
    );
  }
  if (flags.template === undefined && (flags.var.length > 0 || flags.variables !== undefined))
    throw usageError('--var and --variables are for --template.');
  if (flags.eml !== undefined) return emlContent(flags.eml, inputs);
  if (flags.template !== undefined) return templateContent(flags.template, flags, inputs);
  return composedContent(flags, inputs);
}

async function emlContent(file: string, inputs: SendInputs): Promise<Content> {
  const raw = await inputs.read(file);
  return { fields: { raw_base64: raw.toString('base64') }, to: recipientsOf(raw) };
}

async function templateContent(template: string, flags: SendFlags, inputs: SendInputs): Promise<Content> {
  const [, id = template, version] = /^(.+)@(\d+)$/.exec(template) ?? [];
  const file = flags.variables === undefined ? {} : await jsonObject(flags.variables, inputs);
  const variables = { ...file, ...textPairs('--var', flags.var) };
  return {
    fields: {
      template: version === undefined ? id : { id, version: Number(version) },
      ...(Object.keys(variables).length > 0 ? { variables } : {}),
    },
    to: [],
  };
}

async function jsonObject(name: string, inputs: SendInputs): Promise<object> {
  const text = (await inputs.read(name)).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw usageError(`--variables ${name} does not hold a JSON object.`);
}

async function composedContent(flags: SendFlags, inputs: SendInputs): Promise<Content> {
  const text = await inlineOrFile('text', flags.text, flags.textFile, inputs);
  const html = await inlineOrFile('html', flags.html, flags.htmlFile, inputs);
  if (flags.subject === undefined) throw usageError('The message has no subject.', 'Give --subject TEXT.');
  if (text === undefined && html === undefined)
    throw usageError('The message has no body.', 'Give --text, --text-file, --html or --html-file.');
  const attachments = await Promise.all(
    flags.attach.map(async (file) => ({
      filename: basename(file),
      content_type: detectMimeType(file),
      content: (await inputs.read(file)).toString('base64'),
    })),
  );
  return {
    fields: {
      ...given('subject', flags.subject),
      ...given('text', text),
      ...given('html', html),
      ...(attachments.length > 0 ? { attachments } : {}),
    },
    to: [],
  };
}

async function inlineOrFile(
  name: string,
  inline: string | undefined,
  file: string | undefined,
  inputs: SendInputs,
): Promise<string | undefined> {
  if (inline !== undefined && file !== undefined)
    throw usageError(`--${name} and --${name}-file do not go together.`);
  return file === undefined ? inline : (await inputs.read(file)).toString('utf8');
}
