import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { printable } from '@img/spec/printable';
import { formatPortMapping, type PortMapping } from '../config/port-mapping.ts';
import { askSocket } from '../linux/ask-socket.ts';
import { openPipe } from '../linux/open-pipe.ts';
import { closeOthersOnExec } from '../linux/reset-for-exec.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { NetworkResult } from './plugin-result.ts';
import { interfaceName, pluginPath, tunnelLock, tunnelNumber } from './release-script.ts';

/** What a container sees of the network that slirp4netns makes, the same for each (slirp4netns(1)). */
export const userNetwork: NetworkResult = {
  addresses: ['10.0.2.100'],
  // Nobody: it would be the loopback of the host, which is for the host.
  gateway: undefined,
  nameservers: ['10.0.2.3'],
};

export type Tunnel = {
  /** What the network knows the container by. */
  readonly id: string;
  /** The folder of the network. */
  readonly folder: string;
  /** Where its network namespace is to be mounted; a file that is not there yet. */
  readonly namespace: string;
  readonly ports: readonly PortMapping[];
};

const tunDevice = '/dev/net/tun';
const socketName = 'tunnel.socket';
const storyName = 'tunnel.log';
const maxAnswerBytes = 4096;

/**
 * Where slirp4netns is, which connects a network namespace with the host without any right on that.
 *
 * @param find where a program is on this host
 * @param device the device of which it makes the interface of the namespace
 * @throws RuntimeError NETWORK_MISSING
 */
export function findTunnelProgram(find: (name: string) => string | undefined, device = tunDevice): string {
  const program = find('slirp4netns');
  if (program === undefined) {
    throw new RuntimeError(
      'NETWORK_MISSING',
      'slirp4netns is not installed, without which only root can make the network bridge',
      { hint: 'install it, on Debian with: apt-get install slirp4netns' },
    );
  }
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new RuntimeError(
      'NETWORK_MISSING',
      `the network bridge of a user takes ${device}, which ${isAbsent ? 'this host does not have' : 'this user may not open'}`,
      { cause, hint: `root provides it with: ${isAbsent ? 'modprobe tun' : `chmod 0666 ${device}`}` },
    );
  }
  return program;
}

/**
 * Refuses ports whose answers would not find back: what is for the loopback of the host is kept from there.
 *
 * @throws RuntimeError PORT_INVALID
 */
export function checkTunnelPorts(ports: readonly PortMapping[]): void {
  const lost = ports.find(
    ({ protocol, hostAddress }) => protocol === 'udp' && hostAddress.startsWith('127.'),
  );
  if (lost === undefined) return;
  const example = formatPortMapping({ ...lost, hostAddress: '192.0.2.1' });
  throw new RuntimeError(
    'PORT_INVALID',
    `published port ${formatPortMapping(lost)} would get no answers: without root, datagrams do not find back to the loopback`,
    { hint: `say on which other address of this host, such as ${example}, or run the image as root` },
  );
}

// Its end tells when the network is ready, or that it won't be. The lock is held as long as the program runs. What that
// has to say of an app beyond 64 kB is not written.
const script = `
cd "$1" && shift && exec 4>&1 >${storyName} 2>&1 || exit 1
ulimit -f 128
trap '' XFSZ
setsid sh -c 'exec 5>${tunnelLock} && flock 5 && echo $$ >${tunnelNumber} && exec "$@"' sh "$@" </dev/null &
`;

/**
 * Makes a network namespace, connects it with the host by a program that runs on, and publishes its ports.
 *
 * @returns a descriptor: the program ends as soon as no process has it open any more
 * @throws RuntimeError NETWORK_FAILED, SYSTEM_CALL_FAILED; the program has ended, or is about to
 */
export function startTunnel(program: string, { id, folder, namespace, ports }: Tunnel): number {
  makeNamespace(namespace);
  const pipe = openPipe();
  try {
    const options = [
      ...['--configure', '--mtu=65520', '--disable-host-loopback', '--enable-sandbox', '--enable-seccomp'],
      ...[`--api-socket=${socketName}`, '--ready-fd=4', '--exit-fd=3', '--netns-type=path'],
    ];
    closeOthersOnExec();
    const { stdout, error } = spawnSync(
      '/bin/sh',
      ['-c', script, 'sh', folder, program, ...options, namespace, interfaceName],
      {
        cwd: '/',
        // By this variable a sweep finds what is at work for a network.
        env: { PATH: pluginPath, CNI_CONTAINERID: id },
        stdio: ['ignore', 'pipe', 'ignore', pipe.reading],
      },
    );
    if (stdout?.toString() !== '1') throw failure(error?.message ?? readStory(folder));
    for (const mapping of ports) publish(folder, mapping);
    return pipe.writing;
  } catch (error) {
    closeSync(pipe.writing);
    throw error;
  } finally {
    closeSync(pipe.reading);
  }
}

// By another process: one of a user does not come back from a new namespace to that of the host.
function makeNamespace(path: string): void {
  writeFileSync(path, '', { flag: 'wx', mode: 0o600 });
  const { status, stderr, error } = spawnSync('unshare', [`--net=${path}`, 'true'], {
    cwd: '/',
    env: { PATH: pluginPath },
    encoding: 'utf8',
  });
  if (status === 0) return;
  const reason = printable((error?.message ?? stderr).trim());
  throw new RuntimeError('NETWORK_FAILED', `no network namespace could be made: ${reason}`);
}

// slirp4netns(1), "API SOCKET".
function publish(folder: string, mapping: PortMapping): void {
  const { protocol, hostAddress, hostPort, containerPort } = mapping;
  const question = {
    execute: 'add_hostfwd',
    arguments: {
      proto: protocol,
      host_addr: hostAddress,
      host_port: hostPort,
      guest_port: containerPort,
    },
  };
  const answer = askSocket(join(folder, socketName), JSON.stringify(question), maxAnswerBytes);
  const reason = refusalOf(answer);
  if (reason === undefined) return;
  throw failure(`port ${formatPortMapping(mapping)} can't be published: ${reason}`);
}

function refusalOf(answer: string): string | undefined {
  try {
    const value = parseJson(new TextEncoder().encode(answer), { maxBytes: maxAnswerBytes });
    const fields = new JsonFields(value, 'answer', 'CONFIG_INVALID');
    return fields.optionalObject('error')?.string('desc');
  } catch (error) {
    return (error as Error).message;
  }
}

function failure(reason: string): RuntimeError {
  const lines = printable(reason.trim().replaceAll(/\s*\n\s*/g, '; '));
  return new RuntimeError('NETWORK_FAILED', `slirp4netns failed: ${lines || 'it did not say why'}`);
}

function readStory(folder: string): string {
  try {
    return readFileSync(join(folder, storyName), 'utf8');
  } catch {
    // The shell has said nothing: nobody reads what it says before it has a file for that.
    return '';
  }
}
