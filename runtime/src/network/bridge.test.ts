import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { parsePortMapping } from '../config/port-mapping.ts';
import type { RunOptions } from '../config/run-options.ts';
import { findContainer } from '../containers/find-container.ts';
import { removeContainer } from '../containers/remove-container.ts';
import { stopContainer } from '../containers/stop-container.ts';
import type { RuntimeName } from '../state/container-record.ts';
import { makeBusyboxTree } from '../testing/busybox-tree.ts';
import {
  assertNothingLeft,
  firstLine,
  type LaunchCase,
  run,
  start,
  startDetached,
  theContainer,
} from '../testing/launch-harness.ts';
import {
  addNeighbour,
  assertNetworkClean,
  canBridge,
  enterOwnNetwork,
  neighbourAddress,
  networkNamespaceOf,
  ownLanAddress,
} from '../testing/own-network.ts';

// One after the other: each test has a network of its own, which is the network of this process.
function each(title: string, body: (t: ExecutionContext, runtime: RuntimeName) => Promise<void>): void {
  for (const runtime of ['crun', 'runc'] as const) {
    test.serial(`${runtime}: ${title}`, async (t) => {
      if (!canBridge(t) || !needsTool(t, runtime) || !needsTool(t, 'busybox')) return;
      enterOwnNetwork();
      await body(t, runtime);
    });
  }
}

function bridge(...ports: readonly string[]): RunOptions {
  return { network: 'bridge', ports: ports.map(parsePortMapping) };
}

// Says hello to everybody who connects, until it is ended.
const service = 'trap "exit 0" TERM; nc -ll -p 80 -e echo hello & echo ready; wait';

/** What a service answers, as soon as it does; or that it has ended. */
async function ask(
  isUp: () => boolean,
  address: string,
  port: number,
  via: readonly string[] = [],
): Promise<string> {
  const [program = '', ...words] = [...via, 'busybox', 'nc', address, String(port)];
  for (;;) {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
    // Nothing tells when the app begins to listen.
    if (said !== '') return said;
    if (!isUp()) throw new Error(`nothing can answer at ${address}:${port}: the app has ended`);
    await delay(20);
  }
}

function runs({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

function connects(address: string, port: number, via: readonly string[] = []): boolean {
  const [program = '', ...words] = [...via, 'busybox', 'nc', '-w', '2', address, String(port)];
  return spawnSync(program, words, { stdio: 'ignore' }).status === 0;
}

each('an app in the bridge is reached by a published port, and leaves nothing there', async (t, runtime) => {
  const options = { ...bridge('8080:80'), hostname: 'web' };
  const { child, state, runFolder } = start(t, runtime, `cat /etc/hosts; ${service}`, { options });
  const said = await untilReady(child);
  const { pid, network, id } = await theContainer(state);
  const [address = ''] = network?.addresses ?? [];
  t.deepEqual(network, { addresses: [address], ports: ['127.0.0.1:8080:80'] });
  t.regex(
    said,
    new RegExp(
      `^127\\.0\\.0\\.1 localhost\n::1 localhost .*\n${address} web\n.* host\\.containers\\.internal\nready`,
    ),
  );
  t.not(networkNamespaceOf(pid), networkNamespaceOf('self'));
  t.is(await ask(() => runs(child), '127.0.0.1', 8080), 'hello\n');
  t.is(await ask(() => runs(child), address, 80), 'hello\n', 'the host reaches the app directly, too');
  child.kill('SIGTERM');
  t.deepEqual(await once(child, 'close'), [0, null]);
  assertNothingLeft(t, runFolder, [id]);
  await assertNetworkClean(t);
});

async function untilReady({ stdout }: { readonly stdout: NodeJS.ReadableStream | null }): Promise<string> {
  let said = '';
  for await (const chunk of (stdout as import('node:stream').Readable).iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes('ready')) break;
  }
  return said;
}

each(
  'other machines reach what is published for all, not what is for this host alone',
  async (t, runtime) => {
    const { there } = addNeighbour(t);
    const options = bridge('8080:80', '0.0.0.0:8081:80', `${ownLanAddress}:8082:80`);
    const command = `nc ${neighbourAddress} 7000; ${service}`;
    const [program = '', ...words] = [
      ...there,
      'busybox',
      'nc',
      '-ll',
      '-p',
      '7000',
      '-e',
      'echo',
      'of the neighbour',
    ];
    const neighbour = spawn(program, words, { stdio: 'ignore' });
    t.teardown(() => neighbour.kill());
    await ask(() => runs(neighbour), neighbourAddress, 7000);
    const { child } = start(t, runtime, command, { options });
    t.regex(await untilReady(child), /^of the neighbour\nready/, 'the app reaches what the host reaches');
    t.is(await ask(() => runs(child), ownLanAddress, 8081, there), 'hello\n');
    t.is(await ask(() => runs(child), ownLanAddress, 8082, there), 'hello\n');
    t.false(connects(ownLanAddress, 8080, there));
    t.is(await ask(() => runs(child), '127.0.0.1', 8081), 'hello\n');
    t.is(await ask(() => runs(child), '127.0.0.1', 8080), 'hello\n');
  },
);

// Busybox serves no datagrams, so a program in the network of the app does.
const echo = `require('node:dgram').createSocket('udp4').on('message', function (bytes, { port, address }) {
  this.send('re: ' + bytes, port, address);
}).bind(53, () => console.log('ready'));`;

each('a published port of datagrams leads to the app, and answers find back', async (t, runtime) => {
  const { child, state } = start(t, runtime, service, { options: bridge('5353:53/udp') });
  t.is(await firstLine(child), 'ready');
  const { pid } = await theContainer(state);
  const server = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', echo]);
  t.teardown(() => server.kill('SIGKILL'));
  t.is(await firstLine(server), 'ready');
  t.is(await exchange(() => runs(server), 5353, 'hello'), 're: hello');
  t.false(connects('127.0.0.1', 5353), 'connections are another protocol');
});

/** What is answered to a datagram, which is sent again until something is: each may be lost. */
async function exchange(isUp: () => boolean, port: number, content: string): Promise<string> {
  const socket = createSocket('udp4');
  const answers: string[] = [];
  socket.on('message', (bytes) => answers.push(String(bytes)));
  try {
    while (answers.length === 0) {
      if (!isUp()) throw new Error(`nothing can answer at port ${port}: the app has ended`);
      socket.send(content, port, '127.0.0.1');
      await delay(20);
    }
  } finally {
    socket.close();
  }
  return answers[0] ?? '';
}

each('an app with every right in its network does not reach the loopback of the host', async (t, runtime) => {
  const server = createServer((socket) => socket.end('secret\n')).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { child, state } = start(t, runtime, service, { options: bridge('8080:80') });
  t.is(await firstLine(child), 'ready');
  const { pid, network } = await theContainer(state);
  const inside = ['nsenter', `--net=/proc/${pid}/ns/net`];
  const gateway = network?.addresses[0]?.replace(/\d+$/, '1') ?? '';
  const detour = `echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet &&
    ip addr del 127.0.0.1/8 dev lo && ip route add 127.0.0.1 via ${gateway}`;
  execFileSync('nsenter', [...inside.slice(1), 'sh', '-c', detour]);
  t.false(connects('127.0.0.1', port, inside));
  t.is(await ask(() => runs(child), '127.0.0.1', 8080), 'hello\n', 'the host reaches the app all the same');
  execFileSync('iptables', ['-t', 'raw', '-F']);
  t.is(
    await ask(() => runs(child), '127.0.0.1', port, inside),
    'secret\n',
    'it is the rule that is in the way',
  );
});

each('a port that is taken is refused before the app starts, and leaves nothing', async (t, runtime) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const folder = temporaryFolder(t);
  const shared = { tree: join(folder, 'tree'), runFolder: join(folder, 'run') };
  makeBusyboxTree(shared.tree);
  const served = await run(t, runtime, 'echo started', { ...shared, options: bridge(`${port}:80`) });
  t.is(served.code, 70);
  t.is(served.stdout, '');
  t.regex(served.stderr, /PORT_TAKEN: port 127\.0\.0\.1:\d+:80 is served by another program of this host/);
  const elsewhere = await run(t, runtime, 'true', { ...shared, options: bridge('198.51.100.1:80:80') });
  t.regex(elsewhere.stderr, /PORT_TAKEN: .*198\.51\.100\.1 is no address of this host/);
  assertNothingLeft(t, shared.runFolder);
  await assertNetworkClean(t);
  const first = start(t, runtime, service, { ...shared, options: bridge('0.0.0.0:8080:80') });
  t.is(await firstLine(first.child), 'ready');
  const { id } = await theContainer(first.state);
  const second = await run(t, runtime, 'true', { ...shared, options: bridge('8080:80') });
  t.regex(second.stderr, new RegExp(`PORT_TAKEN: .* is published by container ${id}`));
  t.is(await ask(() => runs(first.child), '127.0.0.1', 8080), 'hello\n', 'the one that has it keeps it');
});

each('what fails after the network was made removes it', async (t, runtime) => {
  const { stderr, runFolder } = await run(t, runtime, '', {
    options: bridge('8080:80'),
    image: { config: { cmd: ['/not/there'] } },
  });
  t.regex(stderr, /COMMAND_NOT_FOUND/);
  assertNothingLeft(t, runFolder);
  await assertNetworkClean(t);
});

each('a plugin that fails is named with what it said, and those before it are undone', async (t, runtime) => {
  const networkFolder = temporaryFolder(t);
  const leases = join(networkFolder, 'leases');
  const ipam = { type: 'host-local', dataDir: leases, ranges: [[{ subnet: '10.91.7.0/24' }]] };
  const plugins = [
    { type: 'bridge', bridge: 'img-test', isGateway: true, ipMasq: true, ipam },
    { type: 'bandwidth', ingressRate: -1, ingressBurst: -1 },
  ];
  const list = { cniVersion: '1.0.0', name: 'test', plugins };
  writeFileSync(join(networkFolder, 'bridge.conflist'), JSON.stringify(list));
  const failed = await run(t, runtime, 'echo started', { networkFolder, options: bridge() });
  t.regex(failed.stderr, /NETWORK_FAILED: network plugin bandwidth failed at ADD: .*\w/);
  t.is(failed.stdout, '');
  assertNothingLeft(t, failed.runFolder);
  await assertNetworkClean(t);
  t.false(existsSync(join(leases, 'test/10.91.7.2')), 'the address is given back');
  const unpublished = await run(t, runtime, 'true', { networkFolder, options: bridge('80:80') });
  t.regex(unpublished.stderr, /NETWORK_INVALID: network test has no plugin that publishes ports/);
});

each('a detached app keeps its network until it ends, also if it is kept', async (t, runtime) => {
  const { id, state, runFolder } = await startDetached(t, runtime, service, { options: bridge('8080:80') });
  t.is(await ask(() => state.isAlive(id), '127.0.0.1', 8080), 'hello\n');
  t.deepEqual((await state.sweep()).swept, [], 'it is in use');
  t.is(await ask(() => state.isAlive(id), '127.0.0.1', 8080), 'hello\n');
  const container = findContainer(state, id);
  t.true(await stopContainer(state, container, { timeoutMs: 600_000 }));
  await assertNetworkClean(t);
  t.like(state.listEnded(), [{ id, exitCode: 0 }]);
  await removeContainer(state, findContainer(state, id));
  assertNothingLeft(t, runFolder, [id]);
});

each('the runtime killed: the next sweep ends the network', async (t, runtime) => {
  const { child, state, runFolder } = start(t, runtime, service, { options: bridge('8080:80') });
  t.is(await firstLine(child), 'ready');
  const { id } = await theContainer(state);
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.deepEqual(await state.sweep(), { swept: [id], stuck: [] });
  assertNothingLeft(t, runFolder, [id]);
  await assertNetworkClean(t);
});

each('killed at any instant: the next sweep leaves nothing', async (t, runtime) => {
  const folder = temporaryFolder(t);
  const shared: LaunchCase = {
    tree: join(folder, 'tree'),
    runFolder: join(folder, 'run'),
    options: bridge('8080:80'),
  };
  makeBusyboxTree(join(folder, 'tree'));
  // Later and later, to meet every plugin; whether it meets one is up to the machine.
  for (let round = 0; round < 8; round += 1) {
    const { child, state, runFolder } = start(t, runtime, 'sleep 1000', shared);
    const ended = once(child, 'exit');
    await delay(120 + round * 30);
    child.kill('SIGKILL');
    t.deepEqual(await ended, [null, 'SIGKILL']);
    const { swept, stuck } = await state.sweep();
    t.deepEqual(stuck, []);
    if (existsSync(runFolder)) assertNothingLeft(t, runFolder, swept);
    await assertNetworkClean(t);
  }
});
