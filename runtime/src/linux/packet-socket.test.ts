import { closeSync, writeSync } from 'node:fs';
import test from 'ava';
import { endPackets, readPackets } from './packet-socket.ts';
import { systemCall } from './system-call.ts';

const socketPair = systemCall('socketpair', ['int', 'int', 'int', 'void*']);

/** The two ends of a connection that keeps packets apart. */
function connectedPair(): readonly [number, number] {
  const descriptors = Buffer.alloc(8);
  socketPair(1, 5, 0, descriptors);
  return [descriptors.readInt32LE(0), descriptors.readInt32LE(4)];
}

async function textsOf(descriptor: number): Promise<readonly string[]> {
  return Array.fromAsync(readPackets(descriptor, 100), (packet) => Buffer.from(packet).toString());
}

test('readPackets() reads what the other end has sent, also if that has not read all when it ends', async (t) => {
  const [here, there] = connectedPair();
  for (const text of ['one', 'two']) writeSync(there, text);
  writeSync(here, 'never read');
  closeSync(there);
  t.deepEqual(await textsOf(here), ['one', 'two']);
  closeSync(here);
});

test('endPackets() ends who waits for packets', async (t) => {
  const [here, there] = connectedPair();
  const read = textsOf(here);
  endPackets(here);
  t.deepEqual(await read, []);
  closeSync(here);
  closeSync(there);
});
