import type { FastifyReply } from 'fastify';

/** Answers with an RFC 9457 problem. */
export function problem(reply: FastifyReply, status: number, detail: string, extra: object = {}) {
  return reply
    .code(status)
    .type('application/problem+json')
    .send({ type: 'about:blank', status, detail, ...extra });
}
