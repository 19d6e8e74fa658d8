/** Templates as this process knows them: every version in mail.templates, followed from its start. */
import { templateKey, topics } from '@millrace/core';
import type { FollowedTable, Kafka } from '@millrace/kafka';
import type { Template } from '@millrace/schemas';
import { TemplateIndex, type TemplateVersion } from './template-index.ts';
import type { TemplateStore } from './template-store.ts';

/** Versions of all templates of all tenants: a bound of memory, about 200 bytes each. */
export const maxTemplateVersions = 200_000;

export class TemplateCatalogue {
  readonly #index = new TemplateIndex();
  readonly #store: TemplateStore;
  #table: FollowedTable | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(store: TemplateStore) {
    this.#store = store;
  }

  /** Begins to follow the topic. */
  async follow(kafka: Kafka): Promise<FollowedTable> {
    this.#table = await kafka.followedTable({
      topic: topics.templates,
      record: 'Template',
      // A tombstone is never written: what is deleted stays readable for the messages that are on their way.
      onChange: (_key, template) => {
        if (template !== null) this.apply(template);
      },
    });
    return this.#table;
  }

  /** Takes a version in; also right after it was written, so that a PUT is seen by the next request. */
  apply(template: Template): void {
    this.#index.apply(template);
    this.#store.set(templateKey(template.tenant, template.template_id, template.version), template);
  }

  /** Resolves when everything that is in the topic now has been read. Calls at the same time share one reading. */
  refresh(): Promise<void> {
    this.#refreshing ??= (this.#table?.catchUp() ?? Promise.resolve()).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  get isFull(): boolean {
    return this.#index.size >= maxTemplateVersions;
  }

  current(tenant: string, templateId: string, version?: number): TemplateVersion | undefined {
    return this.#index.current(tenant, templateId, version);
  }

  history(tenant: string, templateId: string): readonly TemplateVersion[] {
    return this.#index.history(tenant, templateId);
  }

  newestNumber(tenant: string, templateId: string): number {
    return this.#index.newestNumber(tenant, templateId);
  }

  ids(tenant: string): readonly string[] {
    return this.#index.ids(tenant);
  }

  source(tenant: string, templateId: string, version: number): Promise<Template | undefined> {
    return this.#store.get(templateKey(tenant, templateId, version));
  }
}
