/**
 * FULL_TRANSITIVE compatibility of every .avsc with each of its committed versions: what is written by any of them can
 * be read by every other. The registry checks the same at registration; this says it before the commit.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import avro from 'avsc';

/** Lists each incompatibility. Without git (an unpacked archive) there is nothing to compare with. */
export function checkSchemaCompatibility(root: string): string[] {
  const problems: string[] = [];
  for (const file of readdirSync(join(root, 'schemas')).filter((name) => name.endsWith('.avsc'))) {
    const now = readFileSync(join(root, 'schemas', file), 'utf8');
    for (const { commit, text } of committedVersions(root, `schemas/${file}`)) {
      const problem = incompatibility(text, now);
      if (problem)
        problems.push(`schemas/${file} is not fully compatible with its version of ${commit}: ${problem}`);
    }
  }
  return problems;
}

/** Why data of one schema cannot be read by the other, in either direction; undefined when it can. */
export function incompatibility(before: string, after: string): string | undefined {
  const older = avro.Type.forSchema(JSON.parse(before));
  const newer = avro.Type.forSchema(JSON.parse(after));
  for (const [reader, writer, direction] of [
    [newer, older, 'the new schema cannot read old records'],
    [older, newer, 'the old schema cannot read new records'],
  ] as const) {
    try {
      reader.createResolver(writer);
    } catch (error) {
      return `${direction} (${error instanceof Error ? error.message : String(error)})`;
    }
  }
  return undefined;
}

function committedVersions(root: string, path: string): { commit: string; text: string }[] {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const log = git('log', '--format=%h', '--', path);
  if (log.status !== 0) return [];
  return log.stdout
    .split('\n')
    .filter(Boolean)
    .flatMap((commit) => {
      const shown = git('show', `${commit}:${path}`);
      return shown.status === 0 ? [{ commit, text: shown.stdout }] : [];
    });
}
