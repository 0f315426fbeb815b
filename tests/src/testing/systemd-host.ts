import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { programPath, type RunResult } from '@img/cli/testing/run-img';
import { needsAbility, needsFile, needsRoot, needsTool } from '@img/sign/testing/needs';
import { testDocument } from '@img/sign/testing/test-policy';
import { encodeTrustDocument } from '@img/sign/trust-document';
import type { TrustRule } from '@img/sign/trust-rule';
import type { ExecutionContext } from 'ava';
import { hostBundle } from './host-bundle.ts';
import { runProgram } from './run-program.ts';
import { aliceRule } from './test-host.ts';

const systemd = '/lib/systemd/systemd';
const repository = join(import.meta.dirname, '../../..');
const cacheFolder = join(repository, 'cli/node_modules/.cache/img');
// What Debian starts on every host, and what nobody here waits for.
const masked = ['getty.target', 'systemd-logind.service', 'systemd-ask-password-wall.path'];

export type SystemdHostOptions = {
  /** A network namespace by its path; the machine's own network unless given. */
  readonly network?: string;
  readonly rules?: readonly TrustRule[];
  /** What /etc/img/config.yaml says; nothing unless given. */
  readonly config?: string;
};

/** Whether this machine can boot hosts. */
export function canBootHosts(t: ExecutionContext): boolean {
  return (
    needsRoot(t) &&
    needsTool(t, 'runc') &&
    needsTool(t, 'crun') &&
    needsFile(t, systemd, 'systemd') &&
    needsAbility(t, canOverlayRoot(), 'a machine whose own files can be below an overlay')
  );
}

/** Not where they are in an overlay upon an overlay already, as in containers within containers. */
function canOverlayRoot(): boolean {
  const script = `mount -t tmpfs img /mnt && mkdir /mnt/upper /mnt/work /mnt/rootfs &&
    mount -t overlay img -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/rootfs`;
  const words = ['-m', '--propagation', 'private', 'sh', '-c', script];
  return spawnSync('unshare', words, { stdio: 'ignore' }).status === 0;
}

/**
 * A host with systemd on this machine: this machine's own files, with a network, an /etc/img, a /var/lib/img and units
 * of its own, which outlast a crash as those on a disk do. Programs run in it as they do here, by the same paths.
 */
export class SystemdHost implements AsyncDisposable {
  /** What lasts: of the host, by the same path in it. */
  readonly folder: string;
  readonly name: string;
  readonly #options: SystemdHostOptions;
  #pid = 0;

  private constructor(folder: string, options: SystemdHostOptions) {
    this.folder = folder;
    this.name = `img-host-${randomUUID().slice(0, 8)}`;
    this.#options = options;
  }

  static async boot(options: SystemdHostOptions = {}): Promise<SystemdHost> {
    const host = new SystemdHost(mkdtempSync(join(tmpdir(), 'img-host-')), options);
    const masks = join(host.folder, 'units');
    for (const name of ['store', 'config/trust.d', 'units', 'journal', 'mounts']) {
      mkdirSync(join(host.folder, name), { recursive: true });
    }
    for (const unit of masked) symlinkSync('/dev/null', join(masks, unit));
    if (options.config !== undefined) writeFileSync(join(host.folder, 'config/config.yaml'), options.config);
    host.trust(options.rules ?? [aliceRule]);
    await host.start();
    return host;
  }

  /** Lets the host trust by other rules from now on. */
  trust(rules: readonly TrustRule[]): void {
    writeFileSync(join(this.folder, 'config/trust.d/test.json'), encodeTrustDocument(testDocument(...rules)));
  }

  /** Switches it on, and waits until it has started everything that it starts by itself. */
  async start(): Promise<void> {
    const { folder, name } = this;
    const config = hostBundle(name, {
      network: this.#options.network,
      folders: [
        [join(folder, 'store'), '/var/lib/img'],
        [join(folder, 'config'), '/etc/img'],
        [join(folder, 'units'), '/etc/systemd/system'],
        [join(folder, 'journal'), '/var/log/journal'],
        [repository, repository],
        [folder, folder],
      ],
      init: [systemd, '--unit=basic.target', '--log-target=console'],
    });
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'boot-id'), `${randomUUID()}\n`);
    const script = `set -e
      mount -t tmpfs img "$1/mounts"
      mkdir "$1/mounts/upper" "$1/mounts/work" "$1/mounts/rootfs"
      mount -t overlay img -o "lowerdir=/,upperdir=$1/mounts/upper,workdir=$1/mounts/work" "$1/mounts/rootfs"
      : >"$1/mounts/rootfs/etc/machine-id"
      cp "$1/config.json" "$1/mounts/config.json"
      exec runc --root "$1/runc" run --detach --no-new-keyring --bundle "$1/mounts" --pid-file "$1/pid" "$2" \\
        </dev/null >>"$1/console" 2>&1`;
    const words = ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', folder, name];
    const { code, stderr } = await runProgram('unshare', words);
    if (code !== 0)
      throw new Error(`the host did not boot: ${stderr}${readFileSync(join(folder, 'console'), 'utf8')}`);
    this.#pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    await this.#waitFor(['systemctl', 'is-system-running', '--wait'], /^(?:running|degraded)$/);
    // Otherwise two boots of one kernel would be one to programs.
    await this.#must('mount', '--bind', join(folder, 'boot-id'), '/proc/sys/kernel/random/boot_id');
    await this.#must('systemctl', 'start', 'multi-user.target');
  }

  /** Switches it off as a power loss does. */
  async crash(): Promise<void> {
    const { folder, name } = this;
    if (this.#pid > 0) process.kill(this.#pid, 'SIGKILL');
    this.#pid = 0;
    for (;;) {
      const { code, stderr } = await runProgram('runc', [
        '--root',
        join(folder, 'runc'),
        'delete',
        '--force',
        name,
      ]);
      if (code === 0 || stderr.includes('does not exist')) return;
      // The kernel still ends its processes.
      await delay(20);
    }
  }

  /** Runs a program in it. */
  async run(...words: readonly string[]): Promise<RunResult> {
    const enter = ['-t', String(this.#pid), '-m', '-p', '-n', '-u', '-i', '-C'];
    const variables = [`PATH=${process.env['PATH'] ?? ''}`, 'HOME=/root', `IMG_CACHE=${cacheFolder}`];
    return await runProgram('nsenter', [...enter, 'env', '-i', ...variables, ...words]);
  }

  /** Runs the real command in it. */
  async img(...words: readonly string[]): Promise<RunResult> {
    return await this.run(process.execPath, programPath, ...words);
  }

  /** A property of a unit, as systemd says it now. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.run('systemctl', 'show', '--value', '--property', name, unit)).stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #must(...words: readonly string[]): Promise<void> {
    const { code, stderr } = await this.run(...words);
    if (code !== 0) throw new Error(`${words.join(' ')} in the host ended with ${code}: ${stderr}`);
  }

  // Nothing tells when systemd begins to answer.
  async #waitFor(words: readonly string[], wanted: RegExp): Promise<void> {
    for (;;) {
      const { stdout } = await this.run(...words);
      if (wanted.test(stdout.trim())) return;
      await delay(20);
    }
  }
}

/** A host that is gone when the test ends. */
export async function bootHost(t: ExecutionContext, options: SystemdHostOptions = {}): Promise<SystemdHost> {
  const host = await SystemdHost.boot(options);
  t.teardown(() => host[Symbol.asyncDispose]());
  return host;
}
