import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Instance } from './run-img.ts';

/** A real ssh-agent that ends with the test. @returns the instance with SSH_AUTH_SOCK set to it */
export async function startAgent(t: ExecutionContext, instance: Instance): Promise<Instance> {
  const socket = join(instance.folder, 'agent');
  // -D: stays the child that it is, so that it can be ended. The first output comes when the socket is there.
  const agent = spawn('ssh-agent', ['-D', '-a', socket]);
  t.teardown(() => agent.kill());
  await once(agent.stdout, 'data');
  return withAgent(instance, socket);
}

/** Gives the agent a new key. @returns its public line */
export function addAgentKey(instance: Instance, comment: string, type = 'ed25519'): string {
  const file = join(instance.folder, `id-${Math.random().toString(36).slice(2)}`);
  tool(instance, 'ssh-keygen', ['-q', '-t', type, '-N', '', '-C', comment, '-f', file]);
  tool(instance, 'ssh-add', ['-q', file]);
  return tool(instance, 'ssh-keygen', ['-y', '-f', file]);
}

/** Runs a program of OpenSSH, which must not fail. @returns what it printed */
export function tool({ variables, folder }: Instance, name: string, words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(name, words, { env: variables, cwd: folder });
  if (status !== 0) throw new Error(`${name} ${words.join(' ')} ended with ${status}: ${stderr}`);
  return stdout.toString();
}

/** An agent that answers every message with the same bytes, or does something else with the connection. */
export async function startFalseAgent(
  t: ExecutionContext,
  instance: Instance,
  answer: (socket: Socket) => void,
): Promise<Instance> {
  const path = join(instance.folder, 'false-agent');
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => answer(socket));
  });
  server.listen(path);
  await once(server, 'listening');
  t.teardown(() => server.close());
  return withAgent(instance, path);
}

function withAgent(instance: Instance, socket: string): Instance {
  const variables = { SSH_AUTH_SOCK: socket };
  return {
    ...instance,
    variables: { ...instance.variables, ...variables },
    run: (words, options = {}) => {
      return instance.run(words, { ...options, variables: { ...variables, ...options.variables } });
    },
  };
}
