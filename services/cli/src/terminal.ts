/** Where a command writes: people read standard output or scripts do, problems go to standard error. */
import { styleText } from 'node:util';
import Table from 'cli-table3';

export type Colour = 'green' | 'yellow' | 'red' | 'gray' | 'bold';

export interface Terminal {
  /** One line of standard output. */
  line(text?: string): void;
  /** One line of standard error. */
  problem(text: string): void;
  /** The text in a colour, where standard output shows colours. */
  paint(colour: Colour, text: string): string;
}

/** Writes to the given streams; colours follow NO_COLOR, FORCE_COLOR and whether the output is a terminal. */
export function terminalOn(
  output: NodeJS.WritableStream & { readonly isTTY?: boolean },
  errors: NodeJS.WritableStream,
): Terminal {
  return {
    line: (text = '') => void output.write(`${text}\n`),
    problem: (text) => void errors.write(`${text}\n`),
    paint: (colour, text) =>
      output.isTTY === true || process.env.FORCE_COLOR
        ? styleText(colour, text, { validateStream: false })
        : text,
  };
}

const noLines = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' },
  ...{ 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '' },
  ...{ right: '', 'right-mid': '', middle: '  ' },
};

/** Columns of text under their names, without lines around; columns of `right` are set to the right. */
export function tableOf(
  terminal: Pick<Terminal, 'paint'>,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const table = new Table({
    chars: noLines,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    head: head.map((name) => terminal.paint('gray', name)),
    colAligns: head.map((_name, column) => (right.includes(column) ? 'right' : 'left')),
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** `1240` as `1,240`. */
export const grouped = (value: number): string => value.toLocaleString('en-US');
