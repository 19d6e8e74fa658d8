/** Which templates there are: ids and versions of all tenants, small enough to stay in memory. */
import type { Template } from '@millrace/schemas';

/** What is known of a version without its sources. */
export interface TemplateVersion {
  readonly version: number;
  readonly language: string;
  /** ms since the epoch. */
  readonly created_at: number;
  readonly deleted: boolean;
}

/** A template's id may hold letters, digits, `.`, `_` and `-`: it stands in URLs and in record keys. */
export const isTemplateId = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(text);

export class TemplateIndex {
  readonly #tenants = new Map<string, Map<string, Map<number, TemplateVersion>>>();
  #versions = 0;

  /** Versions of all templates together. */
  get size(): number {
    return this.#versions;
  }

  /** Adds or replaces a version. */
  apply(template: Template): void {
    const templates = this.#tenants.get(template.tenant) ?? new Map<string, Map<number, TemplateVersion>>();
    this.#tenants.set(template.tenant, templates);
    const versions = templates.get(template.template_id) ?? new Map<number, TemplateVersion>();
    templates.set(template.template_id, versions);
    if (!versions.has(template.version)) this.#versions += 1;
    const { version, language, created_at, deleted } = template;
    versions.set(version, { version, language, created_at, deleted });
  }

  /** Every version ever, oldest first, deletions included. */
  history(tenant: string, templateId: string): readonly TemplateVersion[] {
    const versions = this.#tenants.get(tenant)?.get(templateId);
    return versions === undefined ? [] : [...versions.values()].sort((a, b) => a.version - b.version);
  }

  /** Number of the newest version, deletions included; 0: there never was one. */
  newestNumber(tenant: string, templateId: string): number {
    let newest = 0;
    for (const version of this.#tenants.get(tenant)?.get(templateId)?.keys() ?? []) {
      if (version > newest) newest = version;
    }
    return newest;
  }

  /** A version that may be sent: the newest when none is named, undefined when there is none or it was deleted. */
  current(tenant: string, templateId: string, version?: number): TemplateVersion | undefined {
    const versions = this.#tenants.get(tenant)?.get(templateId);
    const newest = versions?.get(this.newestNumber(tenant, templateId));
    if (newest === undefined || newest.deleted) return undefined;
    if (version === undefined) return newest;
    const named = versions?.get(version);
    return named?.deleted === true ? undefined : named;
  }

  /** Ids of the templates of a tenant that are not deleted, in their order. */
  ids(tenant: string): readonly string[] {
    const ids = [...(this.#tenants.get(tenant)?.keys() ?? [])];
    return ids.filter((id) => this.current(tenant, id) !== undefined).sort();
  }
}
