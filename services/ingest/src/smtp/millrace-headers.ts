/** `X-Millrace-*`: what an application can say about its mail in header fields. They are read and taken out. */
import { nearestWord } from '@millrace/service';
import { fieldText, headerFields, type RawField, withoutFields } from '../raw-message.ts';
import type { SendBody } from '../send-body.ts';
import { SmtpReply } from './reply.ts';

type Wishes = Pick<
  SendBody,
  'stream' | 'category' | 'campaign' | 'tags' | 'metadata' | 'send_at' | 'expires_at' | 'pool' | 'guarantee'
>;

const prefix = 'x-millrace-';
const known = [
  'Stream',
  'Category',
  'Campaign',
  'Tag',
  'Metadata',
  'Send-At',
  'Expires-At',
  'Pool',
  'Guarantee',
] as const;
type Known = (typeof known)[number];

const refuse = (text: string): SmtpReply => new SmtpReply(554, '5.6.0', text);

const knownName = (field: RawField): Known => {
  const name = field.name.slice(prefix.length);
  const found = known.find((one) => one.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const nearest = nearestWord(name.slice(0, 64), known);
  throw refuse(
    `${field.name} is not known${nearest === undefined ? '' : `; did you mean X-Millrace-${nearest}?`}`,
  );
};

const oneOf = <T extends string>(name: string, value: string, allowed: readonly T[]): T => {
  const found = allowed.find((one) => one === value.toLowerCase());
  if (found === undefined) throw refuse(`X-Millrace-${name} must be ${allowed.join(' or ')}`);
  return found;
};

const metadataEntry = (value: string): [string, string] => {
  const equals = value.indexOf('=');
  if (equals < 1) throw refuse('X-Millrace-Metadata must be name=value; repeat it for more');
  return [value.slice(0, equals).trim(), value.slice(equals + 1).trim()];
};

const wishOf = (name: Known, value: string, sofar: Wishes): Wishes => {
  switch (name) {
    case 'Stream':
      return { stream: oneOf(name, value, ['realtime', 'batch']) };
    case 'Guarantee':
      return { guarantee: oneOf(name, value, ['at_least_once', 'at_most_once']) };
    case 'Category':
      return { category: value };
    case 'Campaign':
      return { campaign: value };
    case 'Pool':
      return { pool: value };
    case 'Send-At':
      return { send_at: value };
    case 'Expires-At':
      return { expires_at: value };
    case 'Tag': {
      const tags = value
        .split(',')
        .map((tag) => tag.trim())
        .filter((tag) => tag !== '');
      return { tags: [...(sofar.tags ?? []), ...tags] };
    }
    case 'Metadata': {
      const [key, text] = metadataEntry(value);
      return { metadata: { ...sofar.metadata, [key]: text } };
    }
    default:
      return name satisfies never;
  }
};

/** The wishes of a message and the message without the fields that said them. Throws the reply for a wrong one. */
export const takeMillraceHeaders = (
  message: Buffer,
): { readonly wishes: Wishes; readonly message: Buffer; readonly fields: readonly RawField[] } => {
  const fields = headerFields(message);
  const ours = fields.filter((field) => field.name.toLowerCase().startsWith(prefix));
  let wishes: Wishes = {};
  for (const field of ours) {
    const value = fieldText(field);
    if (value === '') throw refuse(`${field.name} is empty`);
    wishes = { ...wishes, ...wishOf(knownName(field), value, wishes) };
  }
  return { wishes, message: withoutFields(message, ours), fields };
};
