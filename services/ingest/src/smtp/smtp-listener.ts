/** smtp-server with replies whose enhanced status codes are our own. */
import type { Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { hasEnhancedCode } from './reply.ts';

/** The library derives an enhanced code from the reply code alone; a text that brings its own keeps it. */
class SubmissionConnection extends SMTPConnection {
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    super.send(code, data, hasEnhancedCode(data) ? false : context);
  }
}

type ConnectOptions = ConstructorParameters<typeof SMTPConnection>[2];

export class SmtpListener extends SMTPServer {
  override connect(socket: Socket, socketOptions?: ConnectOptions): void {
    const connection = new SubmissionConnection(this, socket, socketOptions);
    this.connections.add(connection);
    connection.on('error', (error: Error) => this.emit('error', error));
    connection.init();
  }
}

export type { SMTPServerOptions as SmtpListenerOptions };
