/** What the two template languages have in common: one part of a template, compiled, within limits. */
import { QuotedPrintableText, type SharedText } from '../mime/quoted-printable.ts';
import type { TemplatePart } from './template-error.ts';

/** What a template sees: JSON values by name. */
export type Variables = Readonly<Record<string, unknown>>;

/** Where a rendering goes. Throws RangeError when it grows longer than allowed. */
export interface Sink {
  /** Text that the rendering made. */
  write(text: string): void;
  /** Text that stands in the template. */
  writeShared(text: SharedText): void;
}

/** One part, ready to be rendered any number of times. Throws TemplateError with ERR_TEMPLATE_RENDER. */
export type PartRenderer = (variables: Variables, sink: Sink) => void;

/** Bounds of one rendering, so that no template and no variables can hold up a worker or fill its memory. */
export interface RenderLimits {
  /** Largest rendered part, UTF-16 units. */
  readonly maxLength: number;
  /** Longest rendering of a part, ms. */
  readonly maxMs: number;
}

/** Compiles one part. Throws TemplateError with ERR_TEMPLATE_SYNTAX. `asHtml`: values are text, the result is HTML. */
export type CompilePart = (
  source: string,
  part: TemplatePart,
  asHtml: boolean,
  limits: RenderLimits,
) => PartRenderer;

const tooLong = (maxLength: number): RangeError =>
  new RangeError(`the result is longer than ${maxLength} characters`);

/** A rendering as text: subjects, header fields. */
export class TextSink implements Sink {
  text = '';
  readonly #maxLength: number;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  write(text: string): void {
    this.text += text;
    if (this.text.length > this.#maxLength) throw tooLong(this.#maxLength);
  }

  writeShared({ text }: SharedText): void {
    this.write(text);
  }
}

/** A rendering as the body of a mail, encoded while it is made. */
export class BodySink implements Sink {
  readonly body = new QuotedPrintableText();
  readonly #maxLength: number;
  #length = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  write(text: string): void {
    this.#grow(text.length);
    this.body.add(text);
  }

  writeShared(text: SharedText): void {
    this.#grow(text.text.length);
    this.body.addEncoded(text.encoded);
  }

  #grow(length: number): void {
    this.#length += length;
    if (this.#length > this.#maxLength) throw tooLong(this.#maxLength);
  }
}
