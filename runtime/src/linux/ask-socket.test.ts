import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { askSocket } from './ask-socket.ts';

const server = `
const { createServer } = require('node:net');
const { text } = require('node:stream/consumers');
const answer = async (socket) => socket.end('re: ' + (await text(socket)));
createServer({ allowHalfOpen: true }, answer).listen(process.argv[1], () => console.log('ready'));`;

// Of another process: this one waits for the answer.
async function listen(t: ExecutionContext, folder: string): Promise<string> {
  const child = spawn(process.execPath, ['-e', server, 'socket'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'readable');
  return join(folder, 'socket');
}

test('askSocket() passes the question on, tells where it ends, and returns the answer', async (t) => {
  const path = await listen(t, temporaryFolder(t));
  t.is(askSocket(path, 'who?', 4096), 're: who?');
  t.is(askSocket(path, 'who?', 5), 're: w', 'no more than that');
});

test('askSocket() reaches sockets whose paths are longer than addresses', async (t) => {
  const path = await listen(t, temporaryFolder(t));
  const long = path.replace(/socket$/, `${'./'.repeat(60)}socket`);
  t.true(long.length > 107);
  t.is(askSocket(long, 'who?', 4096), 're: who?');
});

test('askSocket() says that nobody listens', (t) => {
  t.throws(() => askSocket(join(temporaryFolder(t), 'socket'), 'who?', 4096), {
    code: 'SYSTEM_CALL_FAILED',
    message: /^connect\(/,
  });
});
