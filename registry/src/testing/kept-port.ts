import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ListenOptions, type Server } from 'node:net';

/** A port of loopback that is kept for a server which must be told where to listen. */
export type KeptPort = {
  readonly port: number;
  /** Lets others have it. */
  release(): void;
};

/** Below what the kernel gives to whoever asks for any port, so that nobody gets one of these by chance. */
const lowest = 20_000;
const highest = 32_000;

/** Finds a port on which nobody listens, and which no other test is given while this one keeps it. */
export async function keepPort(): Promise<KeptPort> {
  for (;;) {
    const port = randomInt(lowest, highest);
    // A name that only one process can have, and that goes with it, however it ends.
    const keeper = await listening({ path: `\0img-test-port-${port}` });
    if (keeper === undefined) continue;
    const probe = await listening({ host: '127.0.0.1', port });
    if (probe === undefined) {
      keeper.close();
      continue;
    }
    probe.close();
    await once(probe, 'close');
    keeper.unref();
    return { port, release: () => void keeper.close() };
  }
}

/** Undefined where somebody listens already. */
async function listening(options: ListenOptions): Promise<Server | undefined> {
  const server = createServer().listen(options);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}
