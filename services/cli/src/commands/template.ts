/** `millrace template ...`: templates of the API key's tenant. */
import { CliError, usageError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import type { Ending } from '../exit-codes.ts';
import { readNamed } from '../files.ts';
import { callIngest } from '../ingest-client.ts';
import { headerPairs } from '../pairs.ts';
import { tableOf } from '../terminal.ts';

export interface PutFlags {
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
  readonly language?: string;
  readonly header: readonly string[];
}

/** Stores a new version. `text` and `html` are files. */
export async function putTemplate(context: CommandContext, id: string, flags: PutFlags): Promise<Ending> {
  if (flags.subject === undefined) throw usageError('The template has no subject.', 'Give --subject SOURCE.');
  if (flags.text === undefined && flags.html === undefined)
    throw usageError('The template has no body.', 'Give --text FILE, --html FILE or both.');
  const source = async (name: string) => (await readNamed(name, context)).toString('utf8');
  const { body } = await callIngest(context.installation(), {
    method: 'PUT',
    path: pathOf(id),
    body: {
      ...(flags.language === undefined ? {} : { language: flags.language }),
      subject: flags.subject,
      ...(flags.text === undefined ? {} : { text: await source(flags.text) }),
      ...(flags.html === undefined ? {} : { html: await source(flags.html) }),
      ...(flags.header.length > 0 ? { headers: headerPairs('--header', flags.header) } : {}),
    },
    signal: context.signal,
  });
  if (context.json) context.terminal.line(JSON.stringify(body));
  else context.terminal.line(`${id} is stored as version ${String(field(body, 'version'))}`);
  return 'ok';
}

export async function listTemplates(context: CommandContext): Promise<Ending> {
  const { body } = await callIngest(context.installation(), {
    method: 'GET',
    path: '/v1/templates',
    signal: context.signal,
  });
  if (context.json) {
    context.terminal.line(JSON.stringify(body));
    return 'ok';
  }
  const templates = field(body, 'templates');
  const rows = (Array.isArray(templates) ? templates : []).map((template: unknown) =>
    ['id', 'version', 'language', 'created_at'].map((name) => String(field(template, name))),
  );
  context.terminal.line(
    rows.length === 0
      ? 'There is no template yet: millrace template put ID stores one.'
      : tableOf(context.terminal, ['TEMPLATE', 'VERSION', 'LANGUAGE', 'STORED'], rows, [1]),
  );
  return 'ok';
}

/** Shows the newest version, or the one of `id@version`. */
export async function showTemplate(context: CommandContext, reference: string): Promise<Ending> {
  const [, id = reference, version] = /^(.+)@(\d+)$/.exec(reference) ?? [];
  const { body } = await callIngest(context.installation(), {
    method: 'GET',
    path: version === undefined ? pathOf(id) : `${pathOf(id)}/versions/${version}`,
    signal: context.signal,
  });
  if (context.json) {
    context.terminal.line(JSON.stringify(body));
    return 'ok';
  }
  const { terminal } = context;
  const versions = field(body, 'versions');
  terminal.line(
    `${terminal.paint('bold', `${id}@${String(field(body, 'version'))}`)}  ${String(field(body, 'language'))}, stored ${String(field(body, 'created_at'))}, versions ${Array.isArray(versions) ? versions.join(', ') : ''}`,
  );
  for (const name of ['subject', 'text', 'html']) {
    const source = field(body, name);
    if (typeof source !== 'string') continue;
    terminal.line();
    terminal.line(terminal.paint('gray', name));
    terminal.line(source);
  }
  return 'ok';
}

export async function deleteTemplate(context: CommandContext, id: string): Promise<Ending> {
  await callIngest(context.installation(), { method: 'DELETE', path: pathOf(id), signal: context.signal });
  context.terminal.line(context.json ? JSON.stringify({ id, deleted: true }) : `${id} is deleted`);
  return 'ok';
}

const pathOf = (id: string): string => {
  if (id === '' || id.includes('/'))
    throw new CliError('usage', 'ERR_USAGE', `"${id}" is not a template id.`);
  return `/v1/templates/${encodeURIComponent(id)}`;
};

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
