/** SOCKS5 on a socket that is connected to the proxy, through the library `socks`. */
import type { Socket } from 'node:net';
import type { SocksProxy } from './egress-proxy.ts';

/** The proxy says no: on its own account, or because it cannot reach the server. */
export class ProxyRefusal extends Error {
  override readonly name = 'ProxyRefusal';
  /** False: the proxy did its part, and the server could not be reached (RFC 1928 6). */
  readonly ofProxy: boolean;

  constructor(message: string, ofProxy: boolean) {
    super(message);
    this.ofProxy = ofProxy;
  }
}

/** The replies of RFC 1928 6 that are about the server, in the library's words. */
const ofServer: Readonly<Record<string, string>> = {
  NetworkUnreachable: 'network unreachable',
  HostUnreachable: 'host unreachable',
  ConnectionRefused: 'connection refused',
  TTLExpired: 'TTL expired',
};

const refusalIn = (message: string): ProxyRefusal => {
  const word = / - (\w+)$/.exec(message)?.[1] ?? '';
  const reason = Object.hasOwn(ofServer, word) ? ofServer[word] : undefined;
  return reason === undefined ? new ProxyRefusal(message, true) : new ProxyRefusal(reason, false);
};

/**
 * Asks the proxy for a connection to the server. When it resolves the socket carries that connection, paused until the
 * next turn of the event loop, so that whoever listens at once misses nothing; the address that the proxy says it leaves
 * from, '' for none. Rejects with ProxyRefusal. Whoever calls watches the time and the socket's own errors.
 */
export const socksTunnel = async (
  socket: Socket,
  proxy: SocksProxy,
  to: { readonly address: string; readonly port: number },
  limitMs: number,
): Promise<string> => {
  // Only who has a proxy pays for the library.
  const { SocksClient } = await import('socks');
  try {
    const { remoteHost } = await SocksClient.createConnection({
      command: 'connect',
      existing_socket: socket,
      proxy: {
        host: proxy.address,
        port: proxy.port,
        type: 5,
        ...(proxy.username === undefined ? {} : { userId: proxy.username }),
        ...(proxy.password === undefined ? {} : { password: proxy.password }),
      },
      destination: { host: to.address, port: to.port },
      timeout: limitMs,
    });
    return remoteHost?.host ?? '';
  } catch (error) {
    // Not as `cause`: the library's error carries the password.
    throw refusalIn(error instanceof Error ? error.message : String(error));
  }
};
