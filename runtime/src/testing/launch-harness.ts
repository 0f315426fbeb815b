import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { needsRoot, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import type { RunOptions } from '../config/run-options.ts';
import { image } from '../config/testing.ts';
import { waitUntilGone } from '../containers/wait-for-end.ts';
import { runtimePrograms } from '../launch/find-runtime.ts';
import type { RunningContainer } from '../state/container.ts';
import { parseContainerName } from '../state/container-name.ts';
import { type ContainerRecord, type RuntimeName, runtimeNames } from '../state/container-record.ts';
import { readControlGroups } from '../state/control-groups.ts';
import { killProcess } from '../state/kill-processes.ts';
import { RunState } from '../state/run-state.ts';
import { makeBusyboxTree, type TreeFile } from './busybox-tree.ts';
import type { LaunchTreeRequest } from './launch-tree.ts';

const script = fileURLToPath(new URL('./launch-tree.ts', import.meta.url));

export type LaunchCase = {
  readonly options?: RunOptions;
  readonly image?: Parameters<typeof image>[0];
  readonly files?: { readonly [path: string]: TreeFile };
  readonly stopsInLaunch?: boolean;
  readonly prepare?: (tree: string) => void;
  readonly tree?: string;
  readonly runFolder?: string;
  readonly networkFolder?: string;
  readonly name?: string;
  readonly detached?: ContainerRecord['detached'];
  /** A program that starts the launch. */
  readonly wrapper?: readonly string[];
};

/** Starts a shell script in a container; `undefined` if this machine can't. */
export function start(t: ExecutionContext, runtime: RuntimeName, command: string, options: LaunchCase = {}) {
  const folder = temporaryFolder(t);
  const tree = options.tree ?? join(folder, 'tree');
  if (options.tree === undefined) {
    makeBusyboxTree(tree, options.files);
    options.prepare?.(tree);
  }
  const runFolder = options.runFolder ?? join(folder, 'run');
  const request: LaunchTreeRequest = {
    runFolder,
    tree,
    image: image({ ...options.image, config: { cmd: ['/bin/sh', '-c', command], ...options.image?.config } }),
    options: options.options ?? {},
    runtime,
    receipt: {
      reference: 'test/app:1',
      digest: digestOf(new Uint8Array()),
      signers: ['Alice'],
      insecure: [],
    },
    stopsInLaunch: options.stopsInLaunch ?? false,
    ...(options.networkFolder === undefined ? {} : { networkFolder: options.networkFolder }),
    ...(options.name === undefined ? {} : { name: parseContainerName(options.name) }),
    ...(options.detached === undefined ? {} : { detached: options.detached }),
  };
  const [program = '', ...args] = [
    ...(options.wrapper ?? []),
    process.execPath,
    script,
    JSON.stringify(request),
  ];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const state = new RunState(runFolder);
  t.teardown(async () => {
    const isOver = child.exitCode !== null || child.signalCode !== null;
    if (!isOver && child.kill('SIGKILL')) await once(child, 'exit');
    // What still runs on is left to whoever stops it, and here that is nobody.
    for (const { supervisor } of state.list()) killProcess(supervisor.pid);
    await waitUntilAllGone(state);
    await state.sweep();
  });
  return { child, state, runFolder, tree };
}

export async function run(
  t: ExecutionContext,
  runtime: RuntimeName,
  command: string,
  options: LaunchCase = {},
) {
  const { child, ...rest } = start(t, runtime, command, options);
  child.stdin.end();
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ]);
  await afterEnd(rest.state, runtime);
  return { stdout, stderr, code, signal, lines: stdout.trimEnd().split('\n'), ...rest };
}

/** To be called before one looks what is left: beside nspawn a shell cleans up, and whoever comes before it does it, too. */
export async function afterEnd(state: RunState, runtime: RuntimeName): Promise<void> {
  if (runtime === 'nspawn') await state.sweep();
}

async function waitUntilAllGone(state: RunState): Promise<void> {
  for (const { id } of state.list()) await waitUntilGone(state, id);
}

/** Starts a detached container; its id, as soon as it runs. */
export async function startDetached(
  t: ExecutionContext,
  runtime: RuntimeName,
  command: string,
  options: LaunchCase = {},
) {
  const launched = await run(t, runtime, command, { detached: 'kept', ...options });
  if (launched.code !== 0) throw new Error(launched.stderr);
  const { state, runFolder, tree } = launched;
  return { id: launched.stdout.trim(), state, runFolder, tree };
}

/** The first that the app says. */
export async function firstLine({ stdout, stderr }: ChildProcess): Promise<string> {
  for await (const chunk of stdout?.iterator({ destroyOnReturn: false }) ?? []) return String(chunk).trim();
  throw new Error(`the app said nothing: ${stderr === null ? '' : await text(stderr)}`);
}

/** The one container that runs, as soon as the runtime has said which process it is. */
export async function theContainer(state: RunState): Promise<RunningContainer & { readonly pid: number }> {
  for (;;) {
    const [container] = state.list();
    if (container?.pid !== undefined) return { ...container, pid: container.pid };
    // crun tells after the app has begun, and nothing tells when.
    await delay(5);
  }
}

// What the giver of addresses keeps when it has given none.
const noLeases = /^networks(?:\/leases(?:\/[^/]+(?:\/(?:lock|last_reserved_ip\.0))?)?)?$/;

/** Nothing of a container is left: no record, runtime state, control group, process, or mount. */
export function assertNothingLeft(t: ExecutionContext, runFolder: string, ids: readonly string[] = []): void {
  const files = readdirSync(runFolder, { recursive: true }) as string[];
  // A start that was killed early has not made all of them.
  const folders = ['bundle', 'containers', 'runtimes', ...runtimeNames.map((name) => `runtimes/${name}`)];
  t.deepEqual(
    files.filter((file) => !folders.includes(file) && !noLeases.test(file)),
    [],
  );
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(runFolder));
  for (const root of readControlGroups().roots) {
    for (const id of ids) t.false(existsSync(join(root, `img-${id}`)), `control group in ${root}`);
  }
}

type LaunchTest = (t: ExecutionContext, runtime: RuntimeName) => Promise<void>;

/** A test for each runtime of the OCI. */
export function each(title: string, body: LaunchTest): void {
  testWith(['crun', 'runc'], title, body);
}

/** A test for each launcher: of what all of them honour. */
export function eachLauncher(title: string, body: LaunchTest): void {
  testWith(runtimeNames, title, body);
}

function testWith(runtimes: readonly RuntimeName[], title: string, body: LaunchTest): void {
  for (const runtime of runtimes) {
    test(`${runtime}: ${title}`, async (t) => {
      const { program } = runtimePrograms[runtime];
      if (needsRoot(t) && needsTool(t, program) && needsTool(t, 'busybox')) await body(t, runtime);
    });
  }
}
