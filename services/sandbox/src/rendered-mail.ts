import { simpleParser } from 'mailparser';

/** A mail as a mail program would show it. */
export interface RenderedMail {
  readonly html: string | null;
  readonly text: string | null;
  readonly attachments: readonly {
    readonly filename: string;
    readonly type: string;
    readonly size: number;
  }[];
}

/** Decodes the MIME parts of a mail; inline images become data: URLs. */
export async function renderMail(source: Buffer): Promise<RenderedMail> {
  const mail = await simpleParser(source);
  return {
    html: typeof mail.html === 'string' ? mail.html : null,
    text: mail.text ?? null,
    attachments: mail.attachments
      .filter((attachment) => !attachment.related)
      .map((attachment) => ({
        filename: attachment.filename ?? 'unnamed',
        type: attachment.contentType,
        size: attachment.size,
      })),
  };
}
