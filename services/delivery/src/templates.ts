/** Templates, followed from mail.templates and compiled when a message first needs them. */
import { templateKey, topics } from '@millrace/core';
import type { FollowedTable, Kafka } from '@millrace/kafka';
import { type CompiledTemplate, TemplateRenderer } from '@millrace/message';
import type { Template } from '@millrace/schemas';

export class Templates {
  readonly #sources: ReadonlyMap<string, Template>;
  readonly #table: FollowedTable;
  readonly #renderer = new TemplateRenderer();
  #catchingUp: Promise<void> | undefined;

  private constructor(sources: ReadonlyMap<string, Template>, table: FollowedTable) {
    this.#sources = sources;
    this.#table = table;
  }

  /** Resolves when every template that exists now is known. */
  static async follow(kafka: Kafka): Promise<Templates> {
    const sources = new Map<string, Template>();
    const table = await kafka.followedTable({
      topic: topics.templates,
      record: 'Template',
      onChange: (key, template) => {
        if (template === null) sources.delete(key);
        else sources.set(key, template);
      },
    });
    await table.caughtUp();
    return new Templates(sources, table);
  }

  /** Compiled. Undefined: not known (yet). Throws TemplateError. */
  get(tenant: string, id: string, version: number): CompiledTemplate | undefined {
    const template = this.#sources.get(templateKey(tenant, id, version));
    return template === undefined ? undefined : this.#renderer.compiled(template);
  }

  /** Looks once more to the end of the topic, all who ask meanwhile together. */
  catchUp(): Promise<void> {
    this.#catchingUp ??= this.#table.catchUp().finally(() => {
      this.#catchingUp = undefined;
    });
    return this.#catchingUp;
  }

  stop(): Promise<void> {
    return this.#table.stop();
  }
}
