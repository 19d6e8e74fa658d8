/** One question to one DNS server: over UDP, and over TCP when the answer does not fit (RFC 7766). */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet';
import type { DnsServerAddress } from './dns-server-address.ts';

export type DnsType = 'MX' | 'A' | 'AAAA' | 'TXT';

export interface DnsQuestion {
  /** Lower case, no final dot. */
  readonly name: string;
  readonly type: DnsType;
}

/** As many bytes as pass any network without fragments; DNS flag day 2020. */
const udpPayloadBytes = 1_232;

function queryFor(question: DnsQuestion): { readonly id: number; readonly bytes: Buffer } {
  const id = randomInt(65_536);
  const packet: Packet = {
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name: question.name, type: question.type, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: udpPayloadBytes,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  };
  return { id, bytes: encode(packet) };
}

/** The packet, when it is the answer to this question; undefined for garbage and for what somebody else made up. */
function answerTo(question: DnsQuestion, id: number, bytes: Buffer): DecodedPacket | undefined {
  let packet: DecodedPacket;
  try {
    packet = decode(bytes);
  } catch {
    // Not DNS. The true answer may still come.
    return undefined;
  }
  if (packet.id !== id || !packet.flag_qr) return undefined;
  const asked = packet.questions?.[0];
  // A server that refuses a malformed query may leave the question out.
  if (asked === undefined) return ((packet.flags ?? 0) & 0x0f) === 0 ? undefined : packet;
  const same = asked.type === question.type && asked.name.toLowerCase() === question.name;
  return same ? packet : undefined;
}

/** Rejects with an Error that says what the server did: nothing in time, unreachable, no TCP. */
export async function askServer(
  server: DnsServerAddress,
  question: DnsQuestion,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<DecodedPacket> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const packet = await overUdp(server, question, limit);
  return packet.flag_tc ? await overTcp(server, question, limit) : packet;
}

// A socket for each question: its random port is half of what keeps forged answers out (RFC 5452).
function overUdp(
  server: DnsServerAddress,
  question: DnsQuestion,
  limit: AbortSignal,
): Promise<DecodedPacket> {
  const { id, bytes } = queryFor(question);
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    const finish = (): void => {
      limit.removeEventListener('abort', expire);
      socket.close();
    };
    const fail = (error: Error): void => {
      finish();
      reject(error);
    };
    const expire = (): void => fail(new Error('no answer in time'));
    if (limit.aborted) return expire();
    limit.addEventListener('abort', expire, { once: true });
    socket.once('error', fail);
    socket.on('message', (message) => {
      const packet = answerTo(question, id, message);
      if (packet === undefined) return;
      finish();
      resolve(packet);
    });
    // Connected, so that the kernel drops what comes from anywhere else and reports a closed port at once.
    socket.connect(server.port, server.address, () => socket.send(bytes));
  });
}

function overTcp(
  server: DnsServerAddress,
  question: DnsQuestion,
  limit: AbortSignal,
): Promise<DecodedPacket> {
  const { id, bytes } = queryFor(question);
  return new Promise((resolve, reject) => {
    const socket = connect({ port: server.port, host: server.address, noDelay: true });
    const finish = (): void => {
      limit.removeEventListener('abort', expire);
      socket.destroy();
    };
    const fail = (error: Error): void => {
      finish();
      reject(error);
    };
    const expire = (): void => fail(new Error('no answer in time over TCP'));
    if (limit.aborted) return expire();
    limit.addEventListener('abort', expire, { once: true });
    socket.once('error', fail);
    socket.once('end', () => fail(new Error('the answer over TCP was cut off')));
    // Two bytes of length before each message, RFC 1035 4.2.2: never more than 65,537 bytes are kept.
    let received: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const packet = answerTo(question, id, received.subarray(2, 2 + received.readUInt16BE(0)));
      if (packet === undefined) return fail(new Error('the answer over TCP is to another question'));
      finish();
      resolve(packet);
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    socket.write(Buffer.concat([length, bytes]));
  });
}
