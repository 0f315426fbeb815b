import { randomInt } from 'node:crypto';
import { runProgram } from '../src/testing/run-program.ts';

/** A bridge on this machine with network namespaces on it, one for each host. */
export class HostNetwork implements AsyncDisposable {
  /** The machine's own on the bridge. */
  readonly address: string;
  /** Paths of the namespaces. */
  readonly namespaces: readonly string[];
  readonly #bridge: string;
  readonly #names: readonly string[];

  private constructor(bridge: string, address: string, names: readonly string[]) {
    this.address = address;
    this.namespaces = names.map((name) => `/run/netns/${name}`);
    this.#bridge = bridge;
    this.#names = names;
  }

  static async create(count: number): Promise<HostNetwork> {
    // Below a network that nobody is given (RFC 2544), so that two of them seldom meet.
    const prefix = `198.18.${randomInt(256)}`;
    const bridge = `imgbr${process.pid}`;
    const names = Array.from({ length: count }, (_, index) => `imgh${process.pid}-${index + 1}`);
    const network = new HostNetwork(bridge, `${prefix}.1`, names);
    try {
      await ip('link', 'add', bridge, 'type', 'bridge');
      await ip('address', 'add', `${prefix}.1/24`, 'dev', bridge);
      await ip('link', 'set', bridge, 'up');
      for (const [index, name] of names.entries()) {
        const end = `imgv${process.pid % 100_000}-${index}`;
        await ip('netns', 'add', name);
        await ip('link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
        await ip('link', 'set', end, 'master', bridge, 'up');
        await ip('-n', name, 'address', 'add', `${prefix}.${index + 10}/24`, 'dev', 'eth0');
        await ip('-n', name, 'link', 'set', 'eth0', 'up');
        await ip('-n', name, 'link', 'set', 'lo', 'up');
      }
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // With a namespace goes its end of the pair, and with that the other one.
    for (const name of this.#names) await runProgram('ip', ['netns', 'delete', name]);
    await runProgram('ip', ['link', 'delete', this.#bridge]);
  }
}

async function ip(...words: readonly string[]): Promise<void> {
  const { code, stderr } = await runProgram('ip', words);
  if (code !== 0) throw new Error(`ip ${words.join(' ')} ended with ${code}: ${stderr}`);
}
