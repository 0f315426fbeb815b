/**
 * Boots five hosts with systemd on this machine, each in a network namespace of its own, and has them pull an app from
 * one registry: install, update, an update that fails, a host that loses its power in the middle of one, rollback, a
 * key that is taken back, a registry that is away. Prints what it saw and how long it took; ends with 1 if anything
 * was not as it should be. Needs root, runc, crun and systemd.
 *
 *     npm run five-hosts -w @img/tests
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryClient } from '@img/registry/client/registry-client';
import { startRegistry } from '@img/registry/server/start-registry';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseRepositoryName } from '@img/spec/repository-name';
import { healthCheck, publishService } from '../src/systemd/test-service.ts';
import type { runProgram } from '../src/testing/run-program.ts';
import { SystemdHost } from '../src/testing/systemd-host.ts';
import { HostNetwork } from './host-network.ts';

const count = 5;
const unit = 'img-app.service';
const administrator = { name: 'admin', password: 'correct horse' };

await using stack = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), 'img-five-hosts-'));
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
const network = stack.use(await HostNetwork.create(count));
const registryOptions = {
  dataFolder: join(folder, 'registry'),
  address: network.address,
  administrator,
  anonymousPull: [parseNamePrefix('com.example.')],
};
let registry = await startRegistry(registryOptions);
stack.defer(() => registry.close());
const client = stack.use(
  new RegistryClient(registry.host, {
    scheme: 'http',
    credentials: () =>
      Promise.resolve({ kind: 'password', username: administrator.name, password: administrator.password }),
  }),
);
const repository = client.repository(parseRepositoryName('com.example.app'), 'push');
const image = `${registry.host}/com.example.app:1.0`;

await publishService(repository, { version: 1 });
const hosts = await step(`${count} hosts boot`, async () => {
  const config = `registries: {default: "http://${registry.host}"}\n`;
  return await Promise.all(network.namespaces.map((path) => SystemdHost.boot({ network: path, config })));
});
for (const host of hosts) stack.use(host);
const [first, second, third, fourth, fifth] = hosts as unknown as readonly [
  SystemdHost,
  SystemdHost,
  SystemdHost,
  SystemdHost,
  SystemdHost,
];

await step('all install version 1', async () => {
  const words = ['--health', healthCheck, '--stable', '1s', image, 'sh', '/service'];
  await all(async (host) => must(await host.img('install', ...words), 0));
  await all(async (host) => runs(host, 1));
});
await publishService(repository, { version: 2 });
await step('all update to version 2', async () => {
  await all(async (host) => must(await host.img('update', '--all'), 0));
  await all(async (host) => runs(host, 2));
});
await publishService(repository, { version: 3, behaviour: 'ends' });
await step('version 3 fails on all under Restart=always, and version 2 runs again', async () => {
  await all(async (host) => must(await host.img('update', 'app'), 10));
  await all(async (host) => runs(host, 2));
});
await publishService(repository, { version: 4 });
await step(
  'one loses its power in the middle of the update to version 4, and boots with version 2',
  async () => {
    const update = first.img('update', 'app');
    while (!(await first.img('history', 'app')).stdout.includes('on trial'));
    await first.crash();
    await update;
    await first.start();
    await runs(first, 2);
  },
);
await step('it takes version 4 the next time, as the others do', async () => {
  await all(async (host) => {
    const updated = await host.img('update', 'app');
    must(updated, 0);
    assert.match(updated.stdout, /^app {2}updated/);
    await runs(host, 4);
  });
});
await step('one rolls back to version 2, and is not updated until there is something newer', async () => {
  must(await second.img('rollback', 'app'), 0);
  await runs(second, 2);
  assert.match((await second.img('update', 'app')).stdout, /pinned/);
});
await step('one no longer trusts the key, and does not start the app again', async () => {
  third.trust([]);
  assert.notEqual((await third.run('systemctl', 'restart', unit)).code, 0);
  assert.match((await third.img('logs', 'app')).stdout, /is not trusted/);
  must(await third.run('systemctl', 'stop', unit), 0);
});
await step(
  'without the registry one boots with the app, and another finds no update and goes on',
  async () => {
    const { port } = registry;
    await registry.close();
    await fourth.crash();
    await fourth.start();
    await runs(fourth, 4);
    assert.equal((await fifth.img('update', 'app')).code, 1);
    await runs(fifth, 4);
    registry = await startRegistry({ ...registryOptions, port });
  },
);
await step('with the registry again, four take version 5', async () => {
  await publishService(repository, { version: 5 });
  for (const host of [first, second, fourth, fifth]) {
    must(await host.img('update', 'app'), 0);
    await runs(host, 5);
  }
});
await step('nothing of img runs on any of them', async () => {
  await all(async (host) => {
    const { stdout } = await host.run('ps', '-e', '-o', 'comm=');
    assert.doesNotMatch(stdout, /node|img|crun|runc|conmon/);
  });
});
process.stdout.write('all as it should be\n');

async function step<Value>(title: string, action: () => Promise<Value>): Promise<Value> {
  const begin = performance.now();
  const value = await action();
  process.stdout.write(`${((performance.now() - begin) / 1000).toFixed(1).padStart(6)} s  ${title}\n`);
  return value;
}

async function all(action: (host: SystemdHost) => Promise<void>): Promise<void> {
  await Promise.all(hosts.map(action));
}

function must(result: Awaited<ReturnType<typeof runProgram>>, code: number): void {
  assert.equal(result.code, code, result.stderr);
}

async function runs(host: SystemdHost, version: number): Promise<void> {
  assert.equal(await host.property(unit, 'ActiveState'), 'active');
  const { stdout } = await host.img('logs', 'app');
  const said = stdout.split('\n').filter((line) => line.startsWith('version '));
  assert.equal(said.at(-1), `version ${version} starts`);
}
