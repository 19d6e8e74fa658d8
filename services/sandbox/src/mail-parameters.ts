import type { Behaviour } from './behaviour.ts';

/** Why a server with this behaviour does not take MAIL FROM with these parameters: a reply line, or undefined. */
export function parameterProblem(
  from: string,
  parameters: readonly string[],
  behaviour: Behaviour,
): string | 'too_large' | undefined {
  let smtputf8 = false;
  for (const parameter of parameters) {
    const { name, value } = inCapitals(parameter);
    if (name === 'SIZE' && behaviour.size_limit > 0) {
      if (!/^\d{1,20}$/.test(value)) return '501 5.5.4 SIZE takes a number';
      if (Number(value) > behaviour.size_limit) return 'too_large';
    } else if (name === 'SMTPUTF8' && behaviour.smtputf8) {
      smtputf8 = true;
    } else if (name === 'BODY' && behaviour.eight_bit_mime) {
      if (value !== '7BIT' && value !== '8BITMIME') return `501 5.5.4 BODY=${value} is not supported`;
    } else {
      return `555 5.5.4 Unsupported parameter ${name}`;
    }
  }
  // RFC 6531 3.2.
  return smtputf8 || isAscii(from) ? undefined : '553 5.6.7 The sender address needs SMTPUTF8';
}

// What stands behind a second = is not looked at.
function inCapitals(parameter: string): { name: string; value: string } {
  const capitals = parameter.toUpperCase();
  const equals = capitals.indexOf('=');
  if (equals === -1) return { name: capitals, value: '' };
  const second = capitals.indexOf('=', equals + 1);
  const end = second === -1 ? capitals.length : second;
  return { name: capitals.slice(0, equals), value: capitals.slice(equals + 1, end) };
}

/** Whether an address can be said without SMTPUTF8. */
export function isAscii(text: string): boolean {
  // In UTF-8 the characters of ASCII, and no others, are one byte each.
  return Buffer.byteLength(text) === text.length;
}
