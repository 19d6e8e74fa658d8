import { gmail } from './wording/gmail.ts';
import { office365, outlook } from './wording/microsoft.ts';
import { apple, comcast, gmx, mimecast, orange, proofpoint } from './wording/others.ts';
import { plain } from './wording/plain.ts';
import type { ScriptedReply, Wording } from './wording/reply.ts';
import { type FieldOf, fillIn } from './wording/template.ts';
import { yahoo, yahooJp } from './wording/yahoo.ts';

export type { Phase, ScriptedReply, Wording } from './wording/reply.ts';
export { type FieldOf, fillIn } from './wording/template.ts';

const byGroup: Readonly<Record<string, Partial<Wording>>> = {
  gmail,
  yahoo,
  'yahoo-jp': yahooJp,
  outlook,
  office365,
  apple,
  comcast,
  gmx,
  orange,
  mimecast,
  proofpoint,
};

/** What the ISPs of this group say; an ISP without words of its own talks like Postfix. */
export function wordingOf(group: string): Wording {
  return { ...plain, ...byGroup[group] };
}

/** The reply as it goes on the wire: every line with its code (RFC 5321 4.2.1) and enhanced code (RFC 2034). */
export function renderReply(scripted: ScriptedReply, fieldOf: FieldOf): string {
  const prefix = scripted.enhanced ? `${scripted.enhanced} ` : '';
  const lines = fillIn(scripted.text, fieldOf).split('\n');
  return lines
    .map((line, index) => `${scripted.code}${index < lines.length - 1 ? '-' : ' '}${prefix}${line}\r\n`)
    .join('');
}
