/** smtp-server with replies whose enhanced status codes are our own. */
import type { Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { hasEnhancedCode } from './reply.ts';

/**
 * The library derives an enhanced code from the reply code alone; a text that brings its own keeps it. And it offers AUTH
 * on a clear connection only to refuse it, which makes careless clients send their password (RFC 4954 4): not here.
 */
class SubmissionConnection extends SMTPConnection {
  /** Whether a password may come in clear text. */
  insecureAuth = false;

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    const offersAuth = Array.isArray(data) && !this.secure && !this.insecureAuth;
    const said = offersAuth ? data.filter((line) => !line.startsWith('AUTH ')) : data;
    this.#gather();
    super.send(code, said, hasEnhancedCode(said) ? false : context);
  }

  /** Replies to commands that came together leave together (RFC 2920 3.2): each write of its own wakes the client. */
  #gather(): void {
    const socket = this._socket;
    if (socket.writableCorked > 0) return;
    socket.cork();
    process.nextTick(() => socket.uncork());
  }
}

type ConnectOptions = ConstructorParameters<typeof SMTPConnection>[2];

export class SmtpListener extends SMTPServer {
  override connect(socket: Socket, socketOptions?: ConnectOptions): void {
    const connection = new SubmissionConnection(this, socket, socketOptions);
    connection.insecureAuth = this.options.allowInsecureAuth === true;
    this.connections.add(connection);
    connection.on('error', (error: Error) => this.emit('error', error));
    connection.init();
  }
}

export type { SMTPServerOptions as SmtpListenerOptions };
