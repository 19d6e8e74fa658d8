/** Whether a program is there to be started. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian keeps mail servers in sbin, which is not on every user's PATH. */
const alsoIn = ['/usr/sbin', '/usr/local/sbin', '/sbin'];

/** Its path, or undefined. */
export function onPath(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...alsoIn];
  return folders
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        // Not in this one.
        return false;
      }
    });
}
