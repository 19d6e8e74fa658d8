/** What shapes sending now: the controls in mail.control, and the shaping file that workers follow. */
import { ControlTable, topics } from '@millrace/core';
import { ConfigError } from '@millrace/service';
import { readShapingFile, type ShapingText, shapingOfText } from '@millrace/shaping';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './context.ts';
import { withRecords } from './kafka-session.ts';
import { tooLateFor, within } from './patience.ts';

const patienceMs = 30_000;

/** Everything in mail.control up to now. Throws CliError. */
export const readControls = (context: CommandContext): Promise<ControlTable> =>
  withRecords(context, async (kafka) => {
    const controls = new ControlTable();
    const table = await kafka.followedTable({
      topic: topics.control,
      record: 'ControlState',
      onChange: (key, record) => void controls.apply(key, record),
    });
    try {
      await within(table.caughtUp(), patienceMs, context.signal, () =>
        tooLateFor('mail.control could not be read', '30 s', 'millrace doctor checks Kafka.'),
      );
    } finally {
      await table.stop();
    }
    return controls;
  });

/** The file that was applied last, else the one of the configuration. Throws CliError where it is wrong. */
export async function shapingInForce(context: CommandContext, controls: ControlTable): Promise<ShapingText> {
  const applied = controls.shapingText(context.now());
  if (applied !== undefined) return asked(async () => shapingOfText(applied.yaml, applied.name));
  const { shaping_file: file } = context.installation().config.delivery;
  return asked(() => readShapingFile(file));
}

/** What a shaping file says. Throws CliError with everything that is wrong with it. */
export async function asked(read: () => Promise<ShapingText>): Promise<ShapingText> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = error;
    const [only] = problems;
    const what = problems.length === 1 ? 'is a mistake' : `are ${problems.length} mistakes`;
    throw new CliError('usage', error.code, `There ${what} in ${only?.file ?? 'the shaping file'}.`, {
      details: error.message.split('\n'),
      cause: error,
    });
  }
}
