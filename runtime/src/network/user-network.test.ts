import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { parsePortMapping } from '../config/port-mapping.ts';
import { checkTunnelPorts, findTunnelProgram, startTunnel } from './user-network.ts';

test('findTunnelProgram() names the package without which a user has no network', (t) => {
  const { message, hint } = t.throws(() => findTunnelProgram(() => undefined, '/dev/null'), {
    code: 'NETWORK_MISSING',
  }) as Error & { hint?: string };
  t.regex(message, /^slirp4netns is not installed/);
  t.regex(hint ?? '', /apt-get install slirp4netns$/);
});

test('findTunnelProgram() says how to get the device that a host has not', (t) => {
  const absent = join(temporaryFolder(t), 'tun');
  const { message, hint } = t.throws(() => findTunnelProgram((name) => `/bin/${name}`, absent), {
    code: 'NETWORK_MISSING',
  }) as Error & { hint?: string };
  t.true(message.endsWith('/tun, which this host does not have'));
  t.regex(hint ?? '', /modprobe tun$/);
});

test('findTunnelProgram() finds the program where user and device are as they should be', (t) => {
  const device = join(temporaryFolder(t), 'tun');
  writeFileSync(device, '');
  chmodSync(device, 0o666);
  t.is(
    findTunnelProgram((name) => `/bin/${name}`, device),
    '/bin/slirp4netns',
  );
});

test('startTunnel() tells in one line what the program said before it failed', (t) => {
  if (!needsRoot(t) || !needsTool(t, 'unshare')) return;
  const folder = temporaryFolder(t);
  const program = join(folder, 'program');
  writeFileSync(program, '#!/bin/sh\necho first >&2; echo " then"; exit 1\n', { mode: 0o755 });
  const namespace = join(folder, 'netns');
  t.teardown(() => spawnSync('umount', [namespace]));
  t.throws(() => startTunnel(program, { id: '0123456789abcdef', folder, namespace, ports: [] }), {
    code: 'NETWORK_FAILED',
    message: 'slirp4netns failed: first; then',
  });
});

for (const [text, why] of [
  ['8080:80', 'connections to the loopback find back'],
  ['0.0.0.0:8080:80', 'so do all others'],
  ['192.0.2.1:5353:53/udp', 'answers to another address find back'],
  ['0.0.0.0:5353:53/udp', 'others reach it'],
] as const) {
  test(`checkTunnelPorts() allows ${text}: ${why}`, (t) => {
    t.notThrows(() => checkTunnelPorts([parsePortMapping(text)]));
  });
}

for (const text of ['5353:53/udp', '127.8.9.1:5353:53/udp']) {
  test(`checkTunnelPorts() refuses ${text}, which nobody would have an answer from`, (t) => {
    const ports = ['8080:80', text].map(parsePortMapping);
    const { message, hint } = t.throws(() => checkTunnelPorts(ports), { code: 'PORT_INVALID' }) as Error & {
      hint?: string;
    };
    t.regex(message, /^published port 127\.[\d.]+:5353:53\/udp would get no answers/);
    t.regex(hint ?? '', /such as 192\.0\.2\.1:5353:53\/udp/);
  });
}
