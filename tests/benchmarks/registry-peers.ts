import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServerProcess } from '@img/registry/testing/server-process';
import { findProgram } from '@img/sign/testing/needs';
import { type Contestant, firstAnswer, useOf } from './registry-contestants.ts';

/** A registry of somebody else, open to everybody, that keeps files. */
type Peer = {
  readonly name: string;
  /** What it is, for whoever must install it. */
  readonly source: string;
  readonly args: (folder: string, port: number) => readonly string[];
};

const distribution: Pick<Peer, 'args'> = {
  args: (folder, port) => {
    const config = join(folder, 'config.yml');
    const settings = {
      version: 0.1,
      log: { level: 'info', formatter: 'json', accesslog: { disabled: true } },
      storage: {
        filesystem: { rootdirectory: join(folder, 'data') },
        cache: { blobdescriptor: 'inmemory' },
      },
      http: { addr: `127.0.0.1:${port}` },
    };
    // JSON is YAML, too.
    writeFileSync(config, JSON.stringify(settings));
    return ['serve', config];
  },
};

const peers: readonly Peer[] = [
  { name: 'docker-registry', source: "Debian's package docker-registry", ...distribution },
  {
    name: 'distribution',
    source: 'github.com/distribution/distribution/v3/cmd/registry, under this name',
    ...distribution,
  },
  {
    name: 'olareg',
    source: 'github.com/olareg/olareg/cmd/olareg',
    args: (folder, port) => ['serve', '--addr', '127.0.0.1', '--port', `${port}`, '--dir', folder],
  },
];

/** All that are installed. The caller stops them. */
export async function startPeers(say: (line: string) => void): Promise<readonly Contestant[]> {
  const contestants: Contestant[] = [];
  for (const peer of peers) {
    const program = findProgram(peer.name);
    if (program === undefined) say(`NOT MEASURED: ${peer.name}, which is not installed: ${peer.source}`);
    else contestants.push(await start(peer, program));
  }
  return contestants;
}

async function start({ name, args }: Peer, program: string): Promise<Contestant> {
  const begin = performance.now();
  const server = await startServerProcess({
    command: (folder, port) => [program, ...args(folder, port)],
    // Else newer ones look for somebody to send their traces to.
    environment: { OTEL_TRACES_EXPORTER: 'none' },
  });
  const url = `http://127.0.0.1:${server.port}`;
  await firstAnswer(url);
  const startMs = performance.now() - begin;
  // Without a shell in between, so this is the registry itself.
  const use = useOf(server.process.pid as number);
  return { name, url, headers: () => Promise.resolve({}), startMs, ...use, stop: server.stop };
}
