import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { mount, unmount } from '../linux/mount.ts';
import { ApplyTurn } from './apply-turn.ts';

test('what was looked at is no news, for the next command either', async (t) => {
  const { run, folder } = stage(t);
  writeFileSync(join(folder, 'web.yaml'), 'image: a\n');
  await using turn = await ApplyTurn.take(run, folder);
  t.true(await turn.hasNews());
  await turn.look();
  t.false(await turn.hasNews());
  await turn[Symbol.asyncDispose]();
  await using next = await ApplyTurn.take(run, folder);
  t.false(await next.hasNews());
});

for (const [change, reason] of [
  [(folder: string) => writeFileSync(join(folder, 'db.yaml'), ''), 'a file more'],
  [(folder: string) => rmSync(join(folder, 'web.yaml')), 'a file less'],
  [
    (folder: string) => writeFileSync(join(folder, 'web.yaml'), 'image: b\n'),
    'other bytes, as many as before',
  ],
  [(folder: string) => symlinkSync('nowhere', join(folder, 'a.yaml')), 'a file that can not be read'],
  [(folder: string) => rmSync(folder, { recursive: true }), 'no folder'],
] as const) {
  test(`${reason} is news`, async (t) => {
    const { run, folder } = stage(t);
    writeFileSync(join(folder, 'web.yaml'), 'image: a\n');
    await using turn = await ApplyTurn.take(run, folder);
    await turn.look();
    change(folder);
    t.true(await turn.hasNews());
  });
}

test('what is changed twice at one time by the clock of its file system is news', async (t) => {
  if (!needsRoot(t)) return;
  const { run, folder } = stage(t);
  // Its clock stands still for some milliseconds, as that of every file system does before Linux 6.13.
  mount({ source: 'img', target: folder, type: 'ramfs' });
  t.teardown(() => unmount(folder));
  await using turn = await ApplyTurn.take(run, folder);
  for (let round = 0; round < 20; round += 1) {
    writeFileSync(join(folder, 'web.yaml'), 'image: a\n');
    await turn.look();
    writeFileSync(join(folder, 'web.yaml'), 'image: b\n');
    t.true(await turn.hasNews(), `round ${round}`);
  }
});

test('one command has its turn at a time, and the next one says that it waits', async (t) => {
  const { run, folder } = stage(t);
  const steps: string[] = [];
  const first = await ApplyTurn.take(run, folder);
  const waiting = Promise.withResolvers<void>();
  const second = ApplyTurn.take(run, folder, { onWait: waiting.resolve }).then((turn) => {
    steps.push('second');
    return turn;
  });
  await waiting.promise;
  await using _other = await ApplyTurn.take(run, join(folder, 'another'));
  steps.push('first ends');
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
  t.deepEqual(steps, ['first ends', 'second']);
});

test('who waits can give up', async (t) => {
  const { run, folder } = stage(t);
  await using _first = await ApplyTurn.take(run, folder);
  const controller = new AbortController();
  const reason = new Error('Ctrl+C');
  const onWait = () => controller.abort(reason);
  const error = await t.throwsAsync(ApplyTurn.take(run, folder, { onWait, signal: controller.signal }));
  t.is(error, reason);
});

function stage(t: ExecutionContext) {
  return { run: temporaryFolder(t), folder: temporaryFolder(t) };
}
