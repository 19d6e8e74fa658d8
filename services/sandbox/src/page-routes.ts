import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import type { ApiSubject } from './api.ts';
import { overviewOf } from './overview.ts';
import { problem } from './problem.ts';
import { renderMail } from './rendered-mail.ts';

const tickMs = 1_000;
const pagePolicy = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";
// A mail shows its own styles and embedded images; it runs nothing and loads nothing from anywhere.
const mailPolicy = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:";

/** The page, its files, the stream of its counters, and mails as HTML. */
export async function pageRoutes(
  app: FastifyInstance,
  subject: Pick<ApiSubject, 'stats' | 'source'>,
  ending: AbortSignal,
): Promise<void> {
  const files = [
    ['/', 'page.html', 'text/html; charset=utf-8'],
    ['/page.css', 'page.css', 'text/css; charset=utf-8'],
    ['/page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ] as const;
  for (const [path, file, type] of files) {
    const content = await readFile(new URL(`../page/${file}`, import.meta.url));
    app.get(path, async (_request, reply) =>
      reply
        .type(type)
        .header('cache-control', 'no-cache')
        .header('content-security-policy', pagePolicy)
        .send(content),
    );
  }
  app.get<{ Params: { id: string } }>('/messages/:id/rendered', async (request, reply) => {
    const source = subject.source(request.params.id);
    if (!source) return problem(reply, 404, `No mail ${request.params.id}: it may have been forgotten`);
    return renderMail(source);
  });
  app.get<{ Params: { id: string } }>('/messages/:id/html', async (request, reply) => {
    const source = subject.source(request.params.id);
    if (!source) return problem(reply, 404, `No mail ${request.params.id}: it may have been forgotten`);
    const { html } = await renderMail(source);
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', mailPolicy)
      .send(html ?? '');
  });
  liveRoute(app, subject, ending);
}

// Server-sent events: the counters at once and then every second.
function liveRoute(app: FastifyInstance, subject: Pick<ApiSubject, 'stats'>, ending: AbortSignal): void {
  app.get('/live', (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const tell = () => {
      // A reader that does not keep up misses counters, it does not pile them up.
      if (reply.raw.writableNeedDrain) return;
      reply.raw.write(`data: ${JSON.stringify(overviewOf(subject.stats()))}\n\n`);
    };
    const timer = setInterval(tell, tickMs);
    const end = () => {
      clearInterval(timer);
      ending.removeEventListener('abort', end);
      reply.raw.end();
    };
    ending.addEventListener('abort', end);
    reply.raw.on('close', end);
    tell();
  });
}
