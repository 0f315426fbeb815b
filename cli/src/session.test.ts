import { RuntimeError } from '@img/runtime/runtime-error';
import test from 'ava';
import { runSession } from './session.ts';

test('runSession() reports what failed first, not that closing failed after it', async (t) => {
  let stderr = '';
  let exitCode: number | undefined;
  const discard = { write: () => undefined };
  const context = {
    environment: { variables: {}, homeFolder: '/nowhere', workingFolder: '/', isRoot: false },
    signal: new AbortController().signal,
    streams: {
      stdout: discard,
      stderr: {
        write: (text: string) => {
          stderr += text;
        },
      },
    },
    loadCommand: () => Promise.resolve(),
    setExitCode: (code: number) => {
      exitCode = code;
    },
  };
  await runSession(context, {}, async () => {
    await using _outer = { [Symbol.asyncDispose]: () => Promise.reject(new Error('outer')) };
    await using _inner = { [Symbol.asyncDispose]: () => Promise.reject(new Error('inner')) };
    throw new RuntimeError('IMAGE_DAMAGED', 'a byte was changed');
  });
  t.is(stderr, 'img: a byte was changed\n');
  t.is(exitCode, 3);
});
