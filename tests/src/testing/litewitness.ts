import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import type { Instance } from '@img/cli/testing/run-img';
import { addAgentKey, startAgent } from '@img/cli/testing/ssh-agent';
import { keepPort } from '@img/registry/testing/kept-port';
import { encodeBase64 } from '@img/sign/base64';
import { emptyRoot } from '@img/sign/log/tree-hash';
import { parsePublicKey } from '@img/sign/public-key';
import { findProgram } from '@img/sign/testing/needs';
import type { ExecutionContext } from 'ava';

/** A witness of C2SP by other people. */
export type Litewitness = {
  /** Its key, as it publishes it. */
  readonly key: string;
  readonly url: string;
};

/** Starts litewitness, which signs what one log has; it ends with the test. */
export async function startLitewitness(
  t: ExecutionContext,
  instance: Instance,
  { name, key }: { readonly name: string; readonly key: string },
): Promise<Litewitness> {
  const withAgent = await startAgent(t, instance);
  const fingerprint = parsePublicKey(addAgentKey(withAgent, 'witness')).fingerprint;
  const socket = withAgent.variables['SSH_AUTH_SOCK'] ?? '';
  const database = join(instance.folder, 'litewitness.db');
  const words = ['-name', 'witness.example', '-db', database, '-ssh-agent', socket, '-key', fingerprint];
  // It doesn't say which port it got, so it is told one.
  const { port, release } = await keepPort();
  t.teardown(release);
  const vkey = await start(t, [...words, '-listen', `127.0.0.1:${port}`], port);
  addLog(database, name, key);
  return { key: vkey, url: `http://127.0.0.1:${port}/` };
}

/** Returns its key when it listens. */
async function start(t: ExecutionContext, words: readonly string[], port: number): Promise<string> {
  const child = spawn(findProgram('litewitness') ?? 'litewitness', words, {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    if (child.kill()) await ended;
  });
  let key: string | undefined;
  for await (const line of createInterface(child.stderr)) {
    key ??= /vkey="?(\S+?)"?$/.exec(line)?.[1];
    if (line.includes('listening')) break;
  }
  child.stderr.resume();
  while (key !== undefined && child.exitCode === null && child.signalCode === null) {
    if (await isListening(port)) return key;
    await setTimeout(10);
  }
  throw new Error(`litewitness ended before it listened on port ${port}`);
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** What its own witnessctl writes. */
function addLog(path: string, name: string, key: string): void {
  const database = new DatabaseSync(path, { timeout: 60_000 });
  try {
    database.prepare('INSERT INTO log VALUES (?, 0, ?)').run(name, encodeBase64(emptyRoot));
    database.prepare('INSERT INTO key VALUES (?, ?)').run(name, key);
  } finally {
    database.close();
  }
}
