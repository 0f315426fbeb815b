import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '@img/cli/testing/run-img';
import { RegistryClient } from '@img/registry/client/registry-client';
import { startRegistry } from '@img/registry/server/start-registry';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import { publishService } from '../src/systemd/test-service.ts';
import { SystemdHost } from '../src/testing/systemd-host.ts';
import { makeBareBundle } from './bare-bundle.ts';
import { median } from './report.ts';

const administrator = { name: 'admin', password: 'only for the benchmark' };
const unit = 'img-app.service';
const bareUnit = 'bare.service';

/**
 * On a host with systemd: `systemctl start` of an installed app, which is verified before, beside a unit that starts
 * crun alone; and how long it takes from a bad version, which ends at once, until the last good one runs again.
 */
export async function measureUnits(rounds: number, print: (line: string) => void): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'img-benchmark-units-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const registry = await startRegistry({
    dataFolder: join(folder, 'registry'),
    administrator,
    anonymousPull: [parseNamePrefix('com.example.')],
  });
  stack.defer(() => registry.close());
  const { name: username, password } = administrator;
  const client = stack.use(
    new RegistryClient(registry.host, {
      credentials: async () => ({ kind: 'password', username, password }),
    }),
  );
  const repository = client.repository(parseRepositoryName('com.example.app'), 'push');
  await publishService(repository, { version: 1 });
  const host = stack.use(await SystemdHost.boot());
  await installBare(host);
  const image = `${registry.host}/com.example.app:1.0`;
  must(await host.img('install', '--stable', '0s', image, 'sh', '/service'));
  await startTimes(host, rounds, print);
  const delays: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await publishService(repository, { version: 2 + round, behaviour: 'ends' });
    delays.push(await rollBack(host));
  }
  print('\nfrom the start of a version that ends at once until the last good one runs again');
  print('  (as the journal of the host says)');
  print(`  img update                            ${summary(delays)}`);
}

async function startTimes(host: SystemdHost, rounds: number, print: (line: string) => void): Promise<void> {
  const times: { readonly [name: string]: number[] } = { [unit]: [], [bareUnit]: [] };
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, found] of Object.entries(times)) {
      must(await host.run('systemctl', 'stop', name));
      const startedAt = performance.now();
      must(await host.run('systemctl', 'start', name));
      // The first one finds nothing compiled.
      if (round > 0) found.push(performance.now() - startedAt);
    }
  }
  print('\nsystemctl start of an app');
  print('  (nsenter into the host, and systemctl, included)');
  print(`  installed, verified before each start ${summary(times[unit] ?? [])}`);
  print(`  crun alone in a unit                  ${summary(times[bareUnit] ?? [])}`);
}

/** A unit as people write it for a runtime: forking, with the PID file, in the unit's own control group. */
async function installBare(host: SystemdHost): Promise<void> {
  const bundle = await makeBareBundle(join(host.folder, 'bare'), ['/bin/busybox', 'sleep', '100000']);
  const run = `${bundle.crun} --cgroup-manager=disabled run --detach --pid-file /run/bare.pid --bundle`;
  writeFileSync(
    join(host.folder, 'units', bareUnit),
    [
      '[Service]\nType=forking\nPIDFile=/run/bare.pid',
      `ExecStart=${run} ${bundle.folder} bare`,
      // An end as it was asked for, which is no failure of the next start.
      `ExecStopPost=-${bundle.crun} delete --force bare\nKillSignal=SIGKILL\nSuccessExitStatus=KILL\n`,
    ].join('\n'),
  );
  must(await host.run('systemctl', 'daemon-reload'));
}

/** Takes the update that is there, which fails, and returns what the journal says about the way back. */
async function rollBack(host: SystemdHost): Promise<number> {
  const { stdout } = await host.run('date', '+%s.%N');
  const { code, stderr } = await host.img('update', 'app');
  if (code !== 10) throw new Error(`the bad version was not taken back: ${stderr}`);
  const since = `@${stdout.trim()}`;
  const words = ['-u', unit, '--since', since, '-o', 'json', '--no-pager'];
  const lines = (await host.run('journalctl', ...words)).stdout.trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as { MESSAGE: string; __REALTIME_TIMESTAMP: string });
  const timeOf = (matches: RegExp): number => {
    const found = entries.findLast(({ MESSAGE }) => matches.test(MESSAGE));
    if (found === undefined)
      throw new Error(`the journal says nothing like ${matches.source}:\n${lines.join('\n')}`);
    return Number(found.__REALTIME_TIMESTAMP) / 1000;
  };
  return timeOf(/^version 1 starts/) - timeOf(/^version (?!1 )\d+ starts/);
}

function summary(times: readonly number[]): string {
  return `${median(times).toFixed(0).padStart(6)} ms  ${Math.min(...times).toFixed(0)} – ${Math.max(...times).toFixed(0)}`;
}

function must({ code, stderr }: RunResult): void {
  if (code !== 0) throw new Error(`a command of the host ended with ${code}: ${stderr}`);
}
