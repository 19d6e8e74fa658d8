import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import { parseMx, type Zone, type ZoneRecord } from './zone.ts';

const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const;
type Rcode = keyof typeof rcodes;
const plainUdpBytes = 512;
const negativeTtlSeconds = 30;

/** Answers for the sandbox's zone on one port of 127.0.0.1, UDP and TCP; never asks anybody else. */
export class DnsServer {
  port = 0;
  queries = 0;
  readonly answers: Record<string, number> = {};
  readonly #zone: Zone;
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  readonly #sockets = new Set<Socket>();

  constructor(zone: Zone) {
    this.#zone = zone;
  }

  /** Port 0: any that is free for both. Rejects with the socket's error. */
  async listen(port: number): Promise<void> {
    const tcp = createServer((socket) => this.#serveTcp(socket));
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject).listen({ port, host: '127.0.0.1' }, resolve);
    });
    const address = tcp.address();
    this.port = typeof address === 'object' && address ? address.port : port;
    const udp = createSocket('udp4');
    try {
      await new Promise<void>((resolve, reject) => {
        udp.once('error', reject).bind({ port: this.port, address: '127.0.0.1' }, resolve);
      });
    } catch (error) {
      tcp.close();
      udp.close();
      throw error;
    }
    udp.on('message', (query, from) => {
      const reply = this.#reply(query, plainUdpBytes);
      if (reply) udp.send(reply, from.port, from.address);
    });
    this.#udp = udp;
    this.#tcp = tcp;
  }

  async stop(): Promise<void> {
    this.#udp?.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      if (this.#tcp) this.#tcp.close(() => resolve());
      else resolve();
    });
  }

  // Two bytes of length before each message, RFC 1035 4.2.2.
  #serveTcp(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.setTimeout(10_000, () => socket.destroy());
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        const reply = this.#reply(pending.subarray(2, end), 65_535);
        pending = pending.subarray(end);
        if (!reply) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.write(Buffer.concat([length, reply]));
      }
    });
    // A client that resets its connection needs no answer.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #reply(bytes: Buffer, maxBytes: number): Buffer | undefined {
    this.queries++;
    let query: Packet;
    try {
      query = decode(bytes);
    } catch {
      return this.#malformed(bytes);
    }
    const question = query.questions?.[0];
    if (query.type !== 'query' || !question) return this.#malformed(bytes);
    const opt = query.additionals?.find((record) => record.type === 'OPT');
    const room = opt && 'udpPayloadSize' in opt ? Math.max(maxBytes, opt.udpPayloadSize) : maxBytes;
    const found = this.#zone.answer(question.name, question.type);
    if (found.kind === 'silence') {
      this.#count('silence');
      return undefined;
    }
    const rcode: Rcode =
      found.kind === 'servfail' ? 'SERVFAIL' : found.kind === 'no_name' ? 'NXDOMAIN' : 'NOERROR';
    this.#count(rcode);
    const answers = found.kind === 'records' ? found.records.map(toAnswer) : [];
    const packet: Packet = {
      type: 'response',
      id: query.id ?? 0,
      flags: AUTHORITATIVE_ANSWER | ((query.flags ?? 0) & 0x0100) | 0x0080 | rcodes[rcode],
      questions: [question],
      answers,
      authorities: answers.length === 0 && rcode !== 'SERVFAIL' ? [startOfAuthority(question.name)] : [],
      additionals: opt
        ? [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: 1_232,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ]
        : [],
    };
    const full = encode(packet);
    if (full.length <= room) return full;
    return encode({
      ...packet,
      flags: (packet.flags ?? 0) | TRUNCATED_RESPONSE,
      answers: [],
      authorities: [],
    });
  }

  #malformed(bytes: Buffer): Buffer | undefined {
    this.#count('FORMERR');
    if (bytes.length < 2) return undefined;
    return encode({ type: 'response', id: bytes.readUInt16BE(0), flags: rcodes.FORMERR });
  }

  #count(outcome: string): void {
    this.answers[outcome] = (this.answers[outcome] ?? 0) + 1;
  }
}

function toAnswer(record: ZoneRecord): Answer {
  const common = { name: record.name, ttl: record.ttl ?? 60, class: 'IN' } as const;
  switch (record.type) {
    case 'MX':
      return { ...common, type: 'MX', data: parseMx(record.value) };
    case 'TXT':
      return { ...common, type: 'TXT', data: characterStrings(record.value) };
    case 'A':
    case 'AAAA':
    case 'CNAME':
    case 'PTR':
      return { ...common, type: record.type, data: record.value };
  }
}

// One string of a TXT record has at most 255 bytes, RFC 1035 3.3.
function characterStrings(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'utf8');
  const strings: Buffer[] = [];
  for (let at = 0; at < Math.max(bytes.length, 1); at += 255) strings.push(bytes.subarray(at, at + 255));
  return strings;
}

// Its minimum is how long a negative answer may be kept, RFC 2308.
function startOfAuthority(name: string): Answer {
  return {
    type: 'SOA',
    name: name.split('.').slice(-1)[0] ?? '.',
    ttl: negativeTtlSeconds,
    class: 'IN',
    data: {
      mname: 'ns.sandbox.test',
      rname: 'hostmaster.sandbox.test',
      serial: 1,
      refresh: 3_600,
      retry: 600,
      expire: 86_400,
      minimum: negativeTtlSeconds,
    },
  };
}
