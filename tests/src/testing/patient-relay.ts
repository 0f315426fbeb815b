import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { ExecutionContext } from 'ava';

/** An address that stays while the server behind it is killed and started again elsewhere. */
export type PatientRelay = {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Leads whoever comes from now on, and whoever waits, to this server: `127.0.0.1:PORT`. */
  leadTo(host: string): void;
  /**
   * Calls back once, to end the server, as soon as so many more bytes have come from the clients, or from the server.
   * Whoever comes from then on waits for the next server: somebody else may get the port of this one.
   */
  afterBytes(from: 'clients' | 'server', count: number, then: () => void): void;
};

type Meter = { left: number; then: () => void };

/**
 * Relays connections to a server of loopback. A connection to a server that is gone waits, for however long, until
 * the relay leads to another one: no client gives up because a machine is slow to start it.
 */
export async function startPatientRelay(t: ExecutionContext, first: string): Promise<PatientRelay> {
  const moves = new EventEmitter();
  const sockets = new Set<Socket>();
  const meters: { [from in 'clients' | 'server']?: Meter } = {};
  let port: number | undefined = portOf(first);

  const reach = async (): Promise<Socket> => {
    for (;;) {
      const tried = port;
      if (tried === undefined) {
        await once(moves, 'move');
        continue;
      }
      const target = connect(tried, '127.0.0.1');
      try {
        await once(target, 'connect');
        return target;
      } catch {
        if (port === tried) port = undefined;
      }
    }
  };
  const count = (from: 'clients' | 'server', socket: Socket) => {
    socket.prependListener('data', (chunk: Buffer) => {
      const meter = meters[from];
      if (meter === undefined) return;
      meter.left -= chunk.byteLength;
      if (meter.left > 0) return;
      delete meters[from];
      port = undefined;
      meter.then();
    });
  };
  const relay = async (client: Socket) => {
    keep(sockets, client);
    const target = await reach();
    keep(sockets, target);
    if (client.destroyed) {
      // It gave up while it waited.
      target.destroy();
      return;
    }
    // How a connection ends is for the two to say to each other.
    pipeline(client, target, client, () => undefined);
    count('clients', client);
    count('server', target);
  };
  const server = createServer((client) => void relay(client));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo: (host) => {
      port = portOf(host);
      moves.emit('move');
    },
    afterBytes: (from, left, then) => {
      meters[from] = { left, then };
    },
  };
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
}

function portOf(host: string): number {
  return Number(host.slice(host.lastIndexOf(':') + 1));
}
