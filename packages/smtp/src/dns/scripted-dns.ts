/** For the tests: a DNS server on one port of 127.0.0.1, UDP and TCP, that answers as a test says. */
import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { type Answer, type DecodedPacket, decode, encode, type Packet, type Question } from 'dns-packet';

export const noName = 3;
export const serverFailure = 2;
export const refused = 5;
export const truncated = 0x0200;

/** What is special about an answer; undefined as a whole: silence. */
export interface DnsReply {
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  /** Added to the flags: a rcode, or `truncated`. */
  readonly flags?: number;
  /** Sent before the true answer. */
  readonly forged?: (query: DecodedPacket) => readonly Buffer[];
  /** Instead of a packet. */
  readonly raw?: Buffer;
}

export type DnsScript = (question: Question, transport: 'udp' | 'tcp') => DnsReply | undefined;

export interface ScriptedDns extends AsyncDisposable {
  /** `host:port`. */
  readonly server: string;
  /** `MX example.test`, in the order asked; over TCP with ` tcp` behind. */
  readonly asked: readonly string[];
  /** Ids of the queries. */
  readonly ids: readonly number[];
  stop(): Promise<void>;
}

export const mx = (name: string, preference: number, exchange: string, ttl = 300): Answer => ({
  type: 'MX',
  name,
  ttl,
  class: 'IN',
  data: { preference, exchange },
});
export const a = (name: string, address: string, ttl = 300): Answer => ({
  type: 'A',
  name,
  ttl,
  class: 'IN',
  data: address,
});
export const aaaa = (name: string, address: string, ttl = 300): Answer => ({
  type: 'AAAA',
  name,
  ttl,
  class: 'IN',
  data: address,
});
export const cname = (name: string, target: string, ttl = 300): Answer => ({
  type: 'CNAME',
  name,
  ttl,
  class: 'IN',
  data: target,
});
export const soa = (ttl: number, minimum: number): Answer => ({
  type: 'SOA',
  name: 'test',
  ttl,
  class: 'IN',
  data: {
    mname: 'ns.test',
    rname: 'root.test',
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum,
  },
});

export async function scriptedDns(script: DnsScript): Promise<ScriptedDns> {
  const asked: string[] = [];
  const ids: number[] = [];
  const sockets = new Set<Socket>();
  const packets = (bytes: Buffer, transport: 'udp' | 'tcp'): readonly Buffer[] => {
    const query = decode(bytes);
    const question = query.questions?.[0];
    if (question === undefined) return [];
    asked.push(`${question.type} ${question.name}${transport === 'tcp' ? ' tcp' : ''}`);
    ids.push(query.id ?? -1);
    const reply = script(question, transport);
    if (reply === undefined) return [];
    const packet: Packet = {
      type: 'response',
      id: query.id ?? 0,
      flags: 0x0180 | (reply.flags ?? 0),
      questions: [question],
      answers: [...(reply.answers ?? [])],
      authorities: [...(reply.authorities ?? [])],
    };
    return [...(reply.forged?.(query) ?? []), reply.raw ?? encode(packet)];
  };
  const udp = createSocket('udp4');
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      for (const packet of packets(chunk.subarray(2), 'tcp')) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(packet.length);
        // In two pieces, as a network may do.
        socket.write(Buffer.concat([length, packet.subarray(0, 7)]));
        setImmediate(() => socket.write(packet.subarray(7)));
      }
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const address = tcp.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  await new Promise<void>((resolve) => udp.bind(address.port, '127.0.0.1', resolve));
  udp.on('message', (bytes, from) => {
    for (const packet of packets(bytes, 'udp')) udp.send(packet, from.port, from.address);
  });
  const stop = async (): Promise<void> => {
    udp.close();
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => tcp.close(() => resolve()));
  };
  return { server: `127.0.0.1:${address.port}`, asked, ids, stop, [Symbol.asyncDispose]: stop };
}
