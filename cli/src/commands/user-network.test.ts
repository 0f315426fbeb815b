import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { enterOwnNetwork, ownLanAddress } from '@img/runtime/testing/own-network';
import { needsAbility, needsTool } from '@img/sign/testing/needs';
import test, { type ExecutionContext } from 'ava';
import type { RunResult } from '../testing/run-img.ts';
import { buildAsUser, canRunAsUser, type UserHost, userHost, userHosts } from '../testing/user-host.ts';

const unsigned = ['run', '--quiet', '--pull', 'never', '--insecure', 'signature'];
const image = 'com.example.app';

let hosts = '';

// Everything here is in a network of this process, in which every port is free; one test after the other.
test.before(async () => {
  if (process.geteuid?.() !== 0) return;
  hosts = await userHosts();
  enterOwnNetwork();
  execFileSync('ip', ['addr', 'add', `${ownLanAddress}/24`, 'dev', 'lo']);
});

test.after.always(async () => {
  if (hosts !== '') await rm(hosts, { recursive: true, force: true });
});

function canTunnel(t: ExecutionContext): boolean {
  return (
    canRunAsUser(t) &&
    needsTool(t, 'slirp4netns') &&
    needsTool(t, 'ip') &&
    needsAbility(t, existsSync('/dev/net/tun'), 'network interfaces of programs, /dev/net/tun')
  );
}

async function publishingHost(t: ExecutionContext): Promise<UserHost> {
  const host = await userHost(t, hosts, { tunMode: '666' });
  await buildAsUser(t, host);
  return host;
}

/** Says hello to everybody who connects, until it is ended. */
const service = 'trap "exit 0" TERM; busybox nc -ll -p 80 -e busybox echo hello & wait';

test.serial(
  'an app of a user is reached by the ports that are published, and reaches what the host reaches',
  async (t) => {
    if (!canTunnel(t)) return;
    const host = await publishingHost(t);
    await writeFile(join(host.folder, 'etc/resolv.conf'), 'nameserver 127.0.0.1\n');
    const outside = await greet(t, ownLanAddress, 'of the host\n');
    const inside = await greet(t, '127.0.0.1', 'of the loopback\n');
    const typed = ['8080:80', `${ownLanAddress}:8081:80`, `${ownLanAddress}:5353:53/udp`];
    const ports = typed.flatMap((port) => ['-p', port]);
    const health = ['--health', 'tcp://:80', '--health-timeout', '10m'];
    const words = [...unsigned, '-d', '--rm', '--name', 'web', ...ports, ...health, image, service];
    const started = await host.run(words);
    t.is(started.code, 0, started.stderr);
    t.is(await ask('127.0.0.1', 8080), 'hello\n');
    t.is(await ask(ownLanAddress, 8081), 'hello\n');
    await t.throwsAsync(ask(ownLanAddress, 8080), { code: 'ECONNREFUSED' }, 'it is for this host alone');
    const inspected = JSON.parse((await host.run(['inspect', '--json', 'web'])).stdout) as {
      readonly ports: readonly string[];
      readonly pid: number;
    };
    t.deepEqual(inspected.ports, [
      '127.0.0.1:8080:80',
      `${ownLanAddress}:8081:80`,
      `${ownLanAddress}:5353:53/udp`,
    ]);
    t.is(await exchange(t, inspected.pid), 're: hello');
    const reach = (address: string, port: number) =>
      host.run(['exec', 'web', '/bin/busybox', 'nc', address, String(port)]);
    t.is((await reach(ownLanAddress, outside)).stdout, 'of the host\n');
    // What slirp4netns would make the loopback of the host, and where it leads to who answers for names.
    for (const address of ['10.0.2.2', '10.0.2.3']) t.is((await reach(address, inside)).stdout, '', address);
    const low = await host.run([...unsigned, '-p', '80:80', image]);
    t.regex(low.stderr, /port 127\.0\.0\.1:80:80 can't be published: it is for root alone\n +hint: .*1024/);
    const second = await host.run([...unsigned, '-p', '8080:80', image, service]);
    t.is(second.code, 1);
    t.regex(
      second.stderr,
      /port 127\.0\.0\.1:8080:80 is published by container [0-9a-f]{16}\n +hint: .*img stop/,
    );
    t.is((await host.run(['rm', '--force', 'web'])).code, 0);
    const again = await host.run([
      ...unsigned,
      '-p',
      '8080:80',
      image,
      'busybox cat /etc/hosts /etc/resolv.conf',
    ]);
    t.regex(again.stdout, /^10\.0\.2\.100 [0-9a-f]{12}\nnameserver 10\.0\.2\.3$/m, again.stderr);
    t.deepEqual(await networksOf(host), [], 'the ports are free, and nothing is left');
  },
);

for (const isDetached of [true, false]) {
  const kind = isDetached ? 'lets run on' : 'waits for';
  test.serial(
    `what waits for an app that a user ${kind} killed: the ports are free, and nothing is left`,
    async (t) => {
      if (!canTunnel(t)) return;
      const host = await publishingHost(t);
      // It answers nothing, not even with an end.
      const caller = createServer({ allowHalfOpen: true }).listen(0, ownLanAddress);
      t.teardown(() => caller.close());
      await once(caller, 'listening');
      const { port } = caller.address() as AddressInfo;
      const app = `busybox nc ${ownLanAddress} ${port}`;
      const options = isDetached ? ['-d', '--rm'] : [];
      const running = host.run([...unsigned, ...options, '--name', 'web', '-p', '8080:80', image, app]);
      const connection = await firstConnection(caller, running);
      t.teardown(() => connection.destroy());
      const { supervisorPid } = JSON.parse((await host.run(['inspect', '--json', 'web'])).stdout) as {
        readonly supervisorPid: number;
      };
      const [network = ''] = await networksOf(host);
      const tunnel = Number(readFileSync(join(networkFolder(host), network, 'tunnel.pid'), 'utf8'));
      t.true(isRunning(tunnel));
      if (isDetached) t.is((await running).code, 0);
      process.kill(supervisorPid, 'SIGKILL');
      while (isRunning(tunnel)) await delay(20);
      const listed = await host.run(['ps', '--all', '--json']);
      t.is(listed.stdout, '[]\n', listed.stderr);
      // The app had the output of the command.
      await running;
      t.deepEqual(await networksOf(host), []);
      const next = createServer().listen(8080, '127.0.0.1');
      await once(next, 'listening');
      next.close();
    },
  );
}

test.serial('where a user may not open /dev/net/tun, that is what is said', async (t) => {
  if (!canRunAsUser(t) || !needsTool(t, 'slirp4netns')) return;
  const host = await userHost(t, hosts, { tunMode: '600' });
  await buildAsUser(t, host);
  const refused = await host.run([...unsigned, '-p', '8080:80', image]);
  t.is(refused.code, 1);
  t.regex(
    refused.stderr,
    /takes \/dev\/net\/tun, which this user may not open\n +hint: .*chmod 0666 \/dev\/net\/tun/,
  );
  t.deepEqual(await networksOf(host), []);
  t.regex((await host.run(['doctor'])).stdout, /^limited +network bridge +can't be made: .*\/dev\/net\/tun/m);
});

/** The first who connects, unless the command that should lead to it ends with an error before. */
async function firstConnection(server: Server, running: Promise<RunResult>): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    server.once('connection', resolve);
    void running.then(({ code, stderr }) => (code === 0 ? undefined : reject(new Error(stderr))), reject);
  });
}

// Busybox serves no datagrams, so a program in the network of the app does.
const echo = `require('node:dgram').createSocket('udp4').on('message', function (bytes, { port, address }) {
  this.send('re: ' + bytes, port, address);
}).bind(53, () => console.log('ready'));`;

/** What is answered to a datagram, which is sent again until something is: each may be lost. */
async function exchange(t: ExecutionContext, pid: number): Promise<string> {
  const server = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', echo]);
  t.teardown(() => server.kill('SIGKILL'));
  await once(server.stdout, 'data');
  const socket = createSocket('udp4');
  const answered = once(socket, 'message');
  const asking = setInterval(() => socket.send('hello', 5353, ownLanAddress), 20);
  const [answer] = (await answered) as [Uint8Array];
  clearInterval(asking);
  socket.close();
  return String(answer);
}

/** A server that says something to everybody. */
async function greet(t: ExecutionContext, address: string, greeting: string): Promise<number> {
  const server: Server = createServer((socket) => socket.end(greeting)).listen(0, address);
  t.teardown(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ask(address: string, port: number): Promise<string> {
  const socket = connect({ host: address, port });
  await once(socket, 'connect');
  return await text(socket);
}

function networkFolder({ folder }: UserHost): string {
  return join(folder, 'runtime/img/networks');
}

async function networksOf(host: UserHost): Promise<readonly string[]> {
  return (await readdir(networkFolder(host)).catch(() => [])) as readonly string[];
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}
