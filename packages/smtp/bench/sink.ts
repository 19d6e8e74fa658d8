/** A server that takes every mail and forgets it: as little work as possible, so that the client is what is measured. */
import { createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';

const certificate = await generate([{ name: 'commonName', value: 'sink.test' }], { keyType: 'ec' });

function serve(socket: Socket, offersTls: boolean): void {
  let inMail = false;
  let tail = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    if (
      inMail &&
      chunk.length > 4_096 &&
      chunk.indexOf('\r\n.\r\n', Math.max(0, chunk.length - 512)) === -1
    ) {
      tail = chunk.toString('latin1', chunk.length - 4);
      return;
    }
    // Mails end near a piece's end here, so only that is made a string.
    let text =
      tail + (inMail ? chunk.toString('latin1', Math.max(0, chunk.length - 512)) : chunk.toString('latin1'));
    tail = '';
    let out = '';
    for (;;) {
      if (inMail) {
        const end = text.indexOf('\r\n.\r\n');
        if (end === -1) break;
        inMail = false;
        out += '250 2.0.0 Ok: queued as 4fXyZ1abcdz\r\n';
        text = text.slice(end + 5);
      }
      const end = text.indexOf('\r\n');
      if (end === -1) break;
      const command = text.slice(0, 4);
      text = text.slice(end + 2);
      if (command === 'EHLO')
        out += `250-sink.test\r\n${offersTls ? '250-STARTTLS\r\n' : ''}250-PIPELINING\r\n250-SIZE 52428800\r\n250 8BITMIME\r\n`;
      else if (command === 'DATA') {
        inMail = true;
        out += '354 End data with <CR><LF>.<CR><LF>\r\n';
      } else if (command === 'STAR') {
        socket.removeAllListeners('data');
        socket.write('220 2.0.0 Ready\r\n');
        const secure = new TLSSocket(socket, {
          isServer: true,
          key: certificate.private,
          cert: certificate.cert,
        });
        serve(secure, false);
        return;
      } else out += command === 'QUIT' ? '221 2.0.0 Bye\r\n' : '250 2.1.0 Ok\r\n';
    }
    tail = text;
    if (inMail) tail = text.slice(-4);
    if (out !== '') socket.write(out);
  });
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.write('220 sink.test ESMTP\r\n');
  serve(socket, true);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.(address.port);
});
process.once('disconnect', () => process.exit(0));
