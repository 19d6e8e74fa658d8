/** Sources of templates: the ones used last in memory up to a bound, the others in files of this process's state directory. */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Template } from '@millrace/schemas';

const sizeOf = (template: Template): number =>
  256 + 2 * (template.subject.length + (template.text?.length ?? 0) + (template.html?.length ?? 0));

/** Keyed by the record's key. Everything in it can be read again from mail.templates: the files are a cache. */
export class TemplateStore {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #inMemory = new Map<string, Template>();
  readonly #onDisk = new Set<string>();
  #bytes = 0;

  /** `directory` is emptied: it belongs to this process alone. `maxBytes`: bound of what is in memory. */
  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    rmSync(directory, { recursive: true, force: true });
  }

  /** Bytes of the sources in memory, about. */
  get bytes(): number {
    return this.#bytes;
  }

  set(key: string, template: Template): void {
    this.#forget(key);
    this.#onDisk.delete(key);
    this.#inMemory.set(key, template);
    this.#bytes += sizeOf(template);
    this.#spill();
  }

  async get(key: string): Promise<Template | undefined> {
    const template = this.#inMemory.get(key);
    if (template !== undefined) {
      this.#inMemory.delete(key);
      this.#inMemory.set(key, template);
      return template;
    }
    return this.#onDisk.has(key) ? parseTemplate(await readFile(this.#fileOf(key), 'utf8')) : undefined;
  }

  /** Takes the files away. */
  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #forget(key: string): void {
    const template = this.#inMemory.get(key);
    if (template === undefined) return;
    this.#inMemory.delete(key);
    this.#bytes -= sizeOf(template);
  }

  #spill(): void {
    for (const [key, template] of this.#inMemory) {
      if (this.#bytes <= this.#maxBytes || this.#inMemory.size === 1) return;
      mkdirSync(this.#directory, { recursive: true });
      writeFileSync(this.#fileOf(key), JSON.stringify(template));
      this.#onDisk.add(key);
      this.#forget(key);
    }
  }

  #fileOf(key: string): string {
    return join(this.#directory, `${createHash('sha256').update(key).digest('hex')}.json`);
  }
}

/** The file was written above, by this process, from a Template. */
const parseTemplate = (text: string): Template => JSON.parse(text);
