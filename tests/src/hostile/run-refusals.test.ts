import type { ManifestContent } from '@img/registry/transfer/content';
import type { RefusalCode } from '@img/sign/decision';
import type { UnixTime } from '@img/sign/unix-time';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { type DoubleStage, setDoubleStage } from '../testing/double-stage.ts';
import { folderState } from '../testing/folder-state.ts';
import { runForRefusal } from '../testing/instance.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp } from '../testing/shell-app.ts';
import { putSignedShellImage, signShellImage } from '../testing/shell-image.ts';
import { trustChanges } from './trust-changes.ts';
import { untrustedImages } from './untrusted-images.ts';

const tagged = 'com.example.app:1.0';
const [bob, stranger] = [2, 9];
const now = Math.floor(Date.now() / 1000);
const at = (seconds: number) => (now + seconds) as UnixTime;

async function isRefused(
  t: ExecutionContext,
  { host }: DoubleStage,
  words: readonly string[],
  reason: RefusalCode,
  message: RegExp,
): Promise<void> {
  const { code, error, stderr } = await runForRefusal(host, ['run', ...words]);
  t.is(code, 3, stderr);
  t.like(error, { code: 'NOT_TRUSTED', reason });
  t.regex(error?.message ?? '', message);
  t.is(stderr, `img: ${error?.message}\n     hint: ${error?.hint}\n`, 'what people read, and nothing more');
  t.deepEqual(leftBehind(host), []);
}

for (const { name, rules, put, isAskedByDigest, reason, message } of untrustedImages) {
  test(`img run refuses an image ${name} (${reason}), and fetches nothing of it`, async (t) => {
    if (!canRunShellApp(t)) return;
    const stage = await setDoubleStage(t, rules);
    const content = await put(stage);
    await isRefused(t, stage, [isAskedByDigest ? byDigest(content) : tagged], reason, message);
    t.deepEqual(folderState(stage.host.root), {}, 'the store is as empty as before');
  });
}

for (const { name, change, options = ['--pull', 'never'], reason, message } of trustChanges) {
  test(`img run refuses an image that it ran before (${reason}) when ${name}`, async (t) => {
    if (!canRunShellApp(t)) return;
    const stage = await setDoubleStage(t);
    await putSignedShellImage(stage.repository, { claim: { sequence: 7 } });
    t.like(await stage.host.run(['run', tagged]), { code: 0, stdout: 'hello\n' });
    await change(stage);
    await isRefused(t, stage, [...options, tagged], reason, message);
  });
}

test('img pull that fetched an older image lets img run refuse it, until there is a newer one', async (t) => {
  if (!canRunShellApp(t)) return;
  const stage = await setDoubleStage(t);
  const { host, repository } = stage;
  await putSignedShellImage(repository, { claim: { sequence: 7 } });
  t.like(await host.run(['run', tagged]), { code: 0, stdout: 'hello\n' });
  const older = await putSignedShellImage(repository, { says: 'older', claim: { sequence: 3 } });
  const pulled = await host.run(['pull', tagged]);
  t.is(pulled.code, 0);
  t.regex(pulled.stderr, /is not trusted: it is number 3, and number 7 /, 'said at once');
  await isRefused(t, stage, [tagged], 'ROLLBACK', /: it is number 3, and number 7 /);
  t.like(
    await host.run(['run', byDigest(older)]),
    { code: 0, stdout: 'older\n' },
    'by digest nothing is older',
  );
  await putSignedShellImage(repository, { says: 'newer', claim: { sequence: 8 } });
  t.like(await host.run(['run', '--pull', 'always', tagged]), { code: 0, stdout: 'newer\n' });
});

test('img run takes what is signed in the right way in spite of junk beside it', async (t) => {
  if (!canRunShellApp(t)) return;
  const stage = await setDoubleStage(t);
  const { repository } = stage;
  const content = await putSignedShellImage(repository, { key: stranger });
  await signShellImage(repository, content, { tag: parseTag('2.0') }, bob);
  await signShellImage(repository, content, { issued: at(-7200), expires: at(-3600) });
  await signShellImage(repository, content, { sequence: 2 });
  t.deepEqual(await stage.host.run(['run', tagged]), { code: 0, stdout: 'hello\n', stderr: '' });
});

function byDigest({ descriptor }: ManifestContent): string {
  return `com.example.app@${descriptor.digest}`;
}
