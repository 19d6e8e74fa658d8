/** Which templates exist and their newest version: enough to pin one, small enough to hold for all. */
import type { Template } from '@millrace/schemas';

interface Newest {
  readonly version: number;
  readonly deleted: boolean;
}

/** Follows mail.templates. */
export class TemplateVersions {
  readonly #newest = new Map<string, Newest>();

  /** A record of the topic by its key, tenant/id@version; null: the version was removed. */
  apply(key: string, template: Template | null): void {
    const at = key.lastIndexOf('@');
    if (at === -1) return;
    const name = key.slice(0, at);
    const known = this.#newest.get(name);
    if (template === null) {
      if (known?.version === Number(key.slice(at + 1))) this.#newest.delete(name);
      return;
    }
    if (known !== undefined && known.version > template.version) return;
    this.#newest.set(name, { version: template.version, deleted: template.deleted });
  }

  /** The version to send: the one asked for, else the newest. Undefined: there is none, or the template has ended. */
  pin(tenant: string, templateId: string, asked: number | null): number | undefined {
    const newest = this.#newest.get(`${tenant}/${templateId}`);
    if (newest === undefined || newest.deleted) return undefined;
    if (asked === null) return newest.version;
    return asked <= newest.version ? asked : undefined;
  }
}
