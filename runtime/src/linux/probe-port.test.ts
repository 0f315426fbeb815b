import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test from 'ava';
import { probePort } from './probe-port.ts';

test('probePort() knows what is served, on one address and on all, and leaves nothing open', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const address of ['127.0.0.1', '0.0.0.0']) t.is(probePort('tcp', address, port), 'taken');
  t.is(probePort('tcp', '192.0.2.1', port), 'no address of this host');
  // Port 0 is any that is free.
  t.is(probePort('tcp', '127.0.0.1', 0), undefined);
  t.is(probePort('udp', '0.0.0.0', 0), undefined);
});

test('probePort() knows who waits for datagrams', async (t) => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  t.teardown(() => socket.close());
  await once(socket, 'listening');
  t.is(probePort('udp', '127.0.0.1', socket.address().port), 'taken');
});
