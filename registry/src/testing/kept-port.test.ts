import { once } from 'node:events';
import { createServer } from 'node:net';
import test from 'ava';
import { keepPort } from './kept-port.ts';

test('keepPort() gives many at once different ports, on which each can listen', async (t) => {
  const kept = await Promise.all(Array.from({ length: 50 }, () => keepPort()));
  t.is(new Set(kept.map(({ port }) => port)).size, 50);
  for (const { port, release } of kept) {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    release();
  }
});
