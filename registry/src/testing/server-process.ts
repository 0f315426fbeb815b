import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { keepPort } from './kept-port.ts';

export type ServerProcess = {
  /** Where it keeps its data; removed when it ends. */
  readonly folder: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Ends it at once and removes its data. */
  stop(): Promise<void>;
};

export type ServerProgram = {
  /** The program and its arguments. */
  readonly command: (
    folder: string,
    port: number,
  ) => readonly [path: string, ...arguments: readonly string[]];
  readonly environment?: NodeJS.ProcessEnv;
  /** The user to run as, if not this one. */
  readonly uid?: number | undefined;
  /** What ends it at once, if it needs to clean up behind itself; else it is killed. */
  readonly endSignal?: NodeJS.Signals;
  /** Called with the folder before the program starts. */
  readonly prepare?: (folder: string) => void;
};

/** Starts a server of somebody else on a port of loopback that is kept for it, with an empty folder, and waits until it listens. */
export async function startServerProcess(program: ServerProgram): Promise<ServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'img-server-'));
  const { endSignal = 'SIGKILL' } = program;
  program.prepare?.(folder);
  const { port, release } = await keepPort();
  const [path, ...args] = program.command(folder, port);
  const child = spawn(path, args, {
    cwd: folder,
    env: { ...process.env, ...program.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(program.uid === undefined ? {} : { uid: program.uid, gid: program.uid }),
  });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => said.push(text));
  }
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(endSignal);
      await once(child, 'exit');
    }
    release();
    rmSync(folder, { recursive: true, force: true });
  };
  // Nobody else would end it where the tests are stopped.
  process.once('exit', () => child.kill(endSignal));
  while (!(await listens(port))) {
    const end = child.exitCode ?? child.signalCode;
    if (end !== null) {
      await stop();
      throw new Error(`${path} ended with ${end}: ${said.join('')}`);
    }
    await setTimeout(10);
  }
  return { folder, port, process: child, stop };
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
