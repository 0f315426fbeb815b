import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { printable } from '@img/spec/printable';
import type { RunOptions } from '../config/run-options.ts';
import { findProgram } from '../linux/find-program.ts';
import { closeOthersOnExec } from '../linux/reset-for-exec.ts';
import { RuntimeError } from '../runtime-error.ts';
import { identifyProcess, type ProcessIdentity } from '../state/process-identity.ts';
import type { RunState } from '../state/run-state.ts';
import type { ChosenRuntime } from './choose-runtime.ts';
import { runtimeArguments } from './runtime-arguments.ts';

/** A process that holds the output of a container, waits for its end and records it. */
export type Monitor = {
  readonly identity: ProcessIdentity;
  /**
   * Lets it create the container. If this is never called, it ends as soon as this process does.
   *
   * @returns the number of the container's first process
   * @throws RuntimeError RUNTIME_FAILED with what the runtime said
   */
  readonly create: () => Promise<number>;
  /** Waits until it has ended, which it does after the container, or if there is none. */
  readonly end: () => Promise<void>;
};

/** What of the app's input and output is whose. */
export type MonitorOptions = Pick<RunOptions, 'hasTerminal' | 'isInteractive'> & {
  /** Descriptors that it has open as long as it runs. */
  readonly kept?: readonly number[];
};

/** The most that is kept of what an app writes; beyond it the file begins anew. */
export const logBytes = 16 * 1024 * 1024;

const maxReplyBytes = 64 * 1024;

// Waits for a word, and ends without one, so that no container begins that is not recorded as this process's.
const waitingScript = 'read -r word || exit 0; exec "$0" "$@" </dev/null';

// The exit code is recorded before the runtime forgets the container. conmon has it in a file named after the id, without
// the end of a line, which `read` counts as a failure.
const endingScript =
  'read -r code <"$1/$2"; printf "%s\\n" "$code" >"$1/exit"; id=$2; shift 2; exec "$@" delete --force "$id"';

/**
 * Starts conmon, which waits. It is in no way bound to this process, and sees the mounts that this one has made.
 *
 * @throws RuntimeError RUNTIME_MISSING
 */
export function startMonitor(
  state: RunState,
  runtime: ChosenRuntime,
  id: string,
  options: MonitorOptions,
): Monitor {
  const conmon = findProgram('conmon', process.env['PATH']);
  if (conmon === undefined) {
    throw new RuntimeError('RUNTIME_MISSING', 'conmon is not installed, which detached containers need', {
      hint: 'install it, on Debian with: apt-get install conmon',
    });
  }
  closeOthersOnExec();
  const child = spawn(
    '/bin/sh',
    ['-c', waitingScript, conmon, ...monitorArguments(state, runtime, id, options)],
    {
      cwd: '/',
      detached: true,
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', _OCI_SYNCPIPE: '3' },
      stdio: ['pipe', 'ignore', 'pipe', 'pipe', ...(options.kept ?? [])],
    },
  );
  const exited = once(child, 'exit');
  const [input, , errors, replies] = child.stdio as unknown as readonly [Writable, null, Readable, Readable];
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (identity === undefined) throw new RuntimeError('RUNTIME_FAILED', '/bin/sh could not be started');
  return {
    identity,
    create: async () => {
      input.end('go\n');
      const [reply, said] = await Promise.all([firstReply(replies), text(errors)]);
      return parseReply(reply, said);
    },
    end: async () => {
      input.end();
      await exited;
    },
  };
}

function monitorArguments(
  state: RunState,
  runtime: ChosenRuntime,
  id: string,
  { hasTerminal = false, isInteractive = false }: MonitorOptions,
): readonly string[] {
  const forRuntime = runtimeArguments(state, runtime.name);
  const folder = state.containerFolder(id);
  const atEnd = ['-c', endingScript, 'sh', folder, id, runtime.path, ...forRuntime];
  const options: readonly (readonly [string, string])[] = [
    ['cid', id],
    ['cuuid', id],
    ['runtime', runtime.path],
    ...forRuntime.map((argument) => ['runtime-arg', argument] as const),
    ['bundle', state.bundleFolder],
    ['container-pidfile', state.pidFile(id)],
    ['log-path', `k8s-file:${state.logFile(id)}`],
    ['log-size-max', String(logBytes)],
    ['exit-dir', folder],
    ['exit-command', '/bin/sh'],
    ...atEnd.map((argument) => ['exit-command-arg', argument] as const),
  ];
  return [
    '--sync',
    '--no-new-keyring',
    '--full-attach',
    ...(hasTerminal ? ['--terminal'] : []),
    // Open as long as the app runs: who types may come and go.
    ...(isInteractive ? ['--stdin', '--leave-stdin-open'] : []),
    ...options.map(([name, value]) => `--${name}=${value}`),
  ];
}

// One line of JSON; its end may come with that of the container.
async function firstReply(replies: Readable): Promise<string> {
  let reply = '';
  for await (const piece of replies) {
    reply += String(piece);
    if (reply.includes('\n') || reply.length > maxReplyBytes) break;
  }
  return reply.slice(0, maxReplyBytes);
}

function parseReply(reply: string, said: string): number {
  let reason = said.trim();
  try {
    const fields = new JsonFields(
      parseJson(new TextEncoder().encode(reply), { maxBytes: maxReplyBytes }),
      'reply',
      'CONFIG_INVALID',
    );
    const pid = fields.integer('pid', -1);
    if (pid > 0) return pid;
    reason = fields.optionalString('message') ?? reason;
  } catch {
    // Whatever it is, it is no number of a process.
  }
  throw new RuntimeError(
    'RUNTIME_FAILED',
    `the container could not be made: ${printable(reason.trim()) || 'conmon did not say why'}`,
  );
}
