import test from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp, writeShellApp } from '../testing/shell-app.ts';
import { putSignedShellImage } from '../testing/shell-image.ts';

const reference = 'com.example.app:1.0';

test('img run sixteen times at once on an empty store runs sixteen times', async (t) => {
  if (!canRunShellApp(t)) return;
  const { repository, host } = await setDoubleStage(t);
  await putSignedShellImage(repository);
  const numbers = Array.from({ length: 16 }, (_, index) => String(index));
  const results = await Promise.all(numbers.map((number) => host.run(['run', reference, 'echo', number])));
  for (const [index, result] of results.entries()) {
    t.deepEqual(result, { code: 0, stdout: `${index}\n`, stderr: '' });
  }
  t.deepEqual(leftBehind(host), []);
});

test('img pull and img rm of one image at once, again and again, leave an image or none, and never half of one', async (t) => {
  if (!canRunShellApp(t)) return;
  const { repository, host } = await setDoubleStage(t);
  await putSignedShellImage(repository);
  t.is((await host.run(['pull', reference])).code, 0);
  for (let round = 0; round < 3; round += 1) {
    const [pulled, removed, alsoPulled] = await Promise.all([
      host.run(['pull', reference]),
      host.run(['rm', reference]),
      host.run(['pull', reference]),
    ]);
    t.deepEqual([pulled.code, alsoPulled.code], [0, 0], `${pulled.stderr}\n${alsoPulled.stderr}`);
    t.true([0, 4].includes(removed.code ?? -1), removed.stderr);
  }
  t.deepEqual(await host.run(['run', reference]), { code: 0, stdout: 'hello\n', stderr: '' });
  t.deepEqual(leftBehind(host), []);
});

test('img build and img push of one app at once make and store the same image', async (t) => {
  if (!canRunShellApp(t)) return;
  const { double, host } = await setDoubleStage(t);
  await writeShellApp(host.folder);
  const twice = (words: readonly string[]) => Promise.all([host.run(words), host.run(words)]);
  const builds = await twice(['build', '--json', 'app']);
  const digests = builds.map(({ code, stdout, stderr }) => {
    t.is(code, 0, stderr);
    return (JSON.parse(stdout) as { readonly digest: string }).digest;
  });
  t.is(digests[0], digests[1]);
  for (const { code, stderr } of await twice(['push', 'com.example.app:1.0.0'])) t.is(code, 0, stderr);
  t.true(double.manifests.has(`com.example.app@${digests[0]}`));
  t.deepEqual(leftBehind(host), []);
});
