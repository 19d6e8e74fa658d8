/** For the tests: proxies on loopback that connect on for their clients. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { V2ProxyProtocol } from 'proxy-protocol-js';

export interface TestProxy extends AsyncDisposable {
  readonly port: number;
  /** What clients asked for, in order. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

/** Bytes of one socket, read piece by piece. */
class Input {
  readonly #socket: Socket;
  #held = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#take);
    socket.on('close', () => this.#wake());
  }

  readonly #take = (chunk: Buffer): void => {
    this.#held = Buffer.concat([this.#held, chunk]);
    this.#wake();
  };

  async bytes(count: number): Promise<Buffer> {
    while (this.#held.length < count) {
      if (this.#socket.destroyed) throw new Error('the client has gone');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const bytes = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return bytes;
  }

  /** From here on it belongs to somebody else; what came too early. */
  end(): Buffer {
    this.#socket.off('data', this.#take);
    return this.#held;
  }
}

async function testProxy(serve: (client: Socket, asked: string[]) => Promise<void>): Promise<TestProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, (client) => {
    sockets.add(client);
    client.on('error', () => client.destroy());
    serve(client, asked).catch(() => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { port: address.port, asked, stop, [Symbol.asyncDispose]: stop };
}

/** Resolves when the server is connected to; rejects with the system's error. */
function reach(host: string, port: number, localAddress: string | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const server = connect({ host, port, noDelay: true, ...(localAddress && { localAddress }) });
    server.once('error', reject);
    server.once('connect', () => resolve(server));
  });
}

function join(client: Socket, server: Socket, early: Buffer): void {
  server.on('error', () => client.destroy());
  client.on('close', () => server.destroy());
  if (early.length > 0) server.write(early);
  client.pipe(server);
  server.pipe(client);
}

const hostOf = (bytes: readonly number[] | Buffer): string =>
  bytes.length === 4
    ? bytes.join('.')
    : Buffer.from(bytes)
        .toString('hex')
        .replace(/(.{4})(?=.)/g, '$1:');

/** Reads a PROXY v2 header with a parser of somebody else's and connects on from the address in it, as HAProxy would. */
export const headerProxy = (): Promise<TestProxy> =>
  testProxy(async (client, asked) => {
    const input = new Input(client);
    const fixed = await input.bytes(16);
    const rest = await input.bytes(fixed.readUInt16BE(14));
    const { proxyAddress: way } = V2ProxyProtocol.parse(Buffer.concat([fixed, rest]));
    if (way === undefined || !('destinationPort' in way)) throw new Error('no addresses in the header');
    const source = hostOf(way.sourceAddress.address);
    const destination = hostOf(way.destinationAddress.address);
    asked.push(`${source} to ${destination}:${way.destinationPort}`);
    const server = await reach(destination, way.destinationPort, source);
    join(client, server, input.end());
  });

export interface SocksScript {
  /** Asked for; absent: nobody is. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Instead of connecting on: a reply code of RFC 1928 6; `silent`: no answer to CONNECT; `mute`: not a word at all. */
  readonly answer?: number | 'silent' | 'mute';
  /** Connects on from this address. */
  readonly source?: string;
}

/** A SOCKS5 server: RFC 1928, RFC 1929. */
export const socksServer = (script: SocksScript = {}): Promise<TestProxy> =>
  testProxy(async (client, asked) => {
    const input = new Input(client);
    if (script.answer === 'mute') return;
    const [version, methodCount = 0] = await input.bytes(2);
    if (version !== 5) throw new Error('not SOCKS5');
    const methods = await input.bytes(methodCount);
    const method = script.login === undefined ? 0 : 2;
    if (!methods.includes(method)) {
      client.end(Buffer.from([5, 0xff]));
      return;
    }
    client.write(Buffer.from([5, method]));
    if (script.login !== undefined) {
      const text = async (): Promise<string> => {
        const [length = 0] = await input.bytes(1);
        return (await input.bytes(length)).toString();
      };
      await input.bytes(1);
      const right = (await text()) === script.login.username;
      const fits = (await text()) === script.login.password;
      client.write(Buffer.from([1, right && fits ? 0 : 1]));
      if (!right || !fits) return;
    }
    const [, command, , family] = await input.bytes(4);
    const host = hostOf(await input.bytes(family === 4 ? 16 : 4));
    const port = (await input.bytes(2)).readUInt16BE();
    asked.push(`${command} ${host}:${port}`);
    if (script.answer === 'silent') return;
    const reply = (code: number, from: readonly number[]): Buffer =>
      Buffer.from([5, code, 0, from.length === 16 ? 4 : 1, ...from, 0, 0]);
    if (script.answer !== undefined) {
      client.end(reply(script.answer, [0, 0, 0, 0]));
      return;
    }
    let server: Socket;
    try {
      server = await reach(host, port, script.source);
    } catch {
      client.end(reply(5, [0, 0, 0, 0]));
      return;
    }
    // With the greeting right behind, as it may come.
    const first = await new Promise<Buffer>((resolve) => server.once('data', resolve));
    server.pause();
    const from = script.source?.split('.').map(Number) ?? [0, 0, 0, 0];
    client.write(Buffer.concat([reply(0, from), first]));
    join(client, server, input.end());
  });
