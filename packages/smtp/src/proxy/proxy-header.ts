/** The PROXY protocol's header, version 2: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.2. */
import { isIPv6, SocketAddress } from 'node:net';
import { encode } from '@leichtgewicht/ip-codec';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Version 2, command PROXY. */
const versionAndCommand = 0x21;
const tcpOverIpv4 = 0x11;
const tcpOverIpv6 = 0x21;

/** From where to where a connection goes. */
export interface ProxiedWay {
  /** The proxy picks the port. */
  readonly sourceAddress: string;
  readonly address: string;
  readonly port: number;
}

// In the system's own spelling: of the many of an IPv6 address the library misreads some.
const bytesOf = (address: string): Uint8Array =>
  encode(isIPv6(address) ? new SocketAddress({ family: 'ipv6', address }).address : address);

/** The bytes before everything else. Throws TypeError when the two addresses are not of one family. */
export const proxyHeader = ({ sourceAddress, address, port }: ProxiedWay): Buffer => {
  if (isIPv6(sourceAddress) !== isIPv6(address)) {
    throw new TypeError(`${sourceAddress} and ${address} are not of one address family`);
  }
  const addresses = Buffer.concat([bytesOf(sourceAddress), bytesOf(address)]);
  const fixed = Buffer.alloc(4);
  fixed.writeUInt8(versionAndCommand, 0);
  fixed.writeUInt8(isIPv6(address) ? tcpOverIpv6 : tcpOverIpv4, 1);
  fixed.writeUInt16BE(addresses.length + 4, 2);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 2);
  return Buffer.concat([signature, fixed, addresses, ports]);
};
