/** From a socket that is connected to a proxy to one that carries a connection to the server. */
import type { Socket } from 'node:net';
import type { EgressProxy } from './egress-proxy.ts';
import { proxyHeader } from './proxy-header.ts';
import { socksTunnel } from './socks-tunnel.ts';

/**
 * Resolves to the address that the connection leaves from, '' where the proxy does not say, as soon as the server's bytes
 * may come. Rejects with ProxyRefusal, and with TypeError for addresses of two families. Whoever calls watches the time
 * and the socket's own errors.
 */
export const passProxy = async (
  socket: Socket,
  proxy: EgressProxy,
  to: { readonly address: string; readonly port: number },
  limitMs: number,
): Promise<string> => {
  switch (proxy.kind) {
    case 'proxy_v2': {
      const { sourceAddress } = proxy;
      socket.write(proxyHeader({ sourceAddress, address: to.address, port: to.port }));
      return sourceAddress;
    }
    case 'socks5':
      return await socksTunnel(socket, proxy, to, limitMs);
    default:
      return proxy satisfies never;
  }
};
