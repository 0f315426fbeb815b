import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Random } from './random.ts';

/** A relay in front of a server that loses requests, and answers to requests that were carried out. */
export type FaultyRelay = {
  readonly port: number;
  /** How many connections it has cut. */
  readonly cuts: () => number;
  /** How often a request, or the answer to it, is lost with its connection; 0 for never. */
  setRate(rate: number): void;
  close(): Promise<void>;
};

/** Relays to a port of loopback; what is cut follows from the random numbers and the order of what passes. */
export async function startFaultyRelay(targetPort: number, random: Random): Promise<FaultyRelay> {
  const sockets = new Set<Socket>();
  let rate = 0;
  let cuts = 0;
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    let losesAnswer = false;
    const end = () => {
      for (const socket of [client, target]) socket.destroy();
    };
    const cut = () => {
      cuts += 1;
      end();
    };
    for (const socket of [client, target]) {
      sockets.add(socket.setNoDelay());
      socket.once('close', () => sockets.delete(socket));
      socket.once('error', end).once('close', end);
    }
    client.on('data', (chunk) => {
      const dice = random.next();
      // Lost on the way there, or on the way back: whoever asked can't tell one from the other.
      if (dice < rate / 2) cut();
      else {
        losesAnswer ||= dice < rate;
        if (!target.write(chunk)) client.pause();
      }
    });
    target.on('data', (chunk) => {
      if (losesAnswer) cut();
      else if (!client.write(chunk)) target.pause();
    });
    target.on('drain', () => client.resume());
    client.on('drain', () => target.resume());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cuts: () => cuts,
    setRate: (wanted) => {
      rate = wanted;
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
