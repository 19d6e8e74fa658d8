/** What a client asked for, RFC 5321 4.1. */
export type Command =
  | { readonly verb: 'EHLO' | 'HELO'; readonly name: string }
  | { readonly verb: 'MAIL' | 'RCPT'; readonly path: string; readonly parameters: readonly string[] }
  | { readonly verb: 'DATA' | 'RSET' | 'NOOP' | 'QUIT' | 'STARTTLS' | 'VRFY' | 'HELP' }
  | { readonly verb: 'syntax'; readonly text: string }
  | { readonly verb: 'unknown' };

// The path may hold a quoted local part, in which > and spaces are letters like others.
const mailArgument = /^FROM:\s?<([^">]*(?:"(?:\\.|[^"\\])*"[^">]*)*)>(?:\s+(.*))?$/i;
const rcptArgument = /^TO:\s?<(?!>)([^">]*(?:"(?:\\.|[^"\\])*"[^">]*)*)>(?:\s+(.*))?$/i;

/** Parses one command line without its CRLF. */
export function parseCommand(line: string): Command {
  const space = line.indexOf(' ');
  const verb = (space === -1 ? line : line.slice(0, space)).toUpperCase();
  const argument = space === -1 ? '' : line.slice(space + 1).trim();
  switch (verb) {
    case 'EHLO':
    case 'HELO':
      if (!/^\S+$/.test(argument)) return { verb: 'syntax', text: `Syntax: ${verb} hostname` };
      return { verb, name: argument };
    case 'MAIL':
      return withPath(verb, mailArgument.exec(argument), 'Syntax: MAIL FROM:<address>');
    case 'RCPT':
      return withPath(verb, rcptArgument.exec(argument), 'Syntax: RCPT TO:<address>');
    case 'DATA':
    case 'RSET':
    case 'QUIT':
    case 'STARTTLS':
      return argument === '' ? { verb } : { verb: 'syntax', text: `${verb} takes no argument` };
    case 'NOOP':
    case 'VRFY':
    case 'HELP':
      return { verb };
    default:
      return { verb: 'unknown' };
  }
}

function withPath(verb: 'MAIL' | 'RCPT', match: RegExpExecArray | null, syntax: string): Command {
  if (!match) return { verb: 'syntax', text: syntax };
  const parameters = match[2]?.trim().split(/\s+/) ?? [];
  return { verb, path: match[1] ?? '', parameters };
}
