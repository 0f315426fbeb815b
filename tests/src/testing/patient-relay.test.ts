import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { startPatientRelay } from './patient-relay.ts';

test('a relay leads those who waited to the next server, and those who gave up nowhere', async (t) => {
  const first = await startServer(t, 'first');
  const relay = await startPatientRelay(t, hostOf(first));
  t.is(await said(relay.host), 'first');
  first.close();
  await once(first, 'close');
  const impatient = connectTo(relay.host);
  await once(impatient, 'connect');
  const waiting = said(relay.host);
  impatient.resetAndDestroy();
  await once(impatient, 'close');
  relay.leadTo(hostOf(await startServer(t, 'second')));
  t.is(await waiting, 'second');
  t.is(await said(relay.host), 'second');
});

test('a relay tells once when so many bytes have come from the server, and leads nobody there any more', async (t) => {
  const relay = await startPatientRelay(t, hostOf(await startServer(t, 'first')));
  let told = 0;
  relay.afterBytes('server', 'first'.length + 1, () => (told += 1));
  t.is(await said(relay.host), 'first');
  t.is(told, 0);
  t.is(await said(relay.host), 'first');
  t.is(told, 1);
  const waiting = said(relay.host);
  relay.leadTo(hostOf(await startServer(t, 'second')));
  t.is(await waiting, 'second');
  t.is(told, 1);
});

async function startServer(t: ExecutionContext, answer: string): Promise<Server> {
  const server = createServer((socket) => socket.end(answer));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return server;
}

function hostOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function connectTo(host: string) {
  const [name, port] = host.split(':');
  return connect(Number(port), name);
}

async function said(host: string): Promise<string> {
  return await text(connectTo(host));
}
