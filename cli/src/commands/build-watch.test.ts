import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { newInstance, programPath } from '../testing/run-img.ts';

const recipe = 'name: com.example.app\nversion: 1.0.0\nos: scratch\napp: {files: src}\n';

test('img build --watch builds again on changes, goes on after errors, and ends with Ctrl-C', async (t) => {
  const { folder, variables } = await newInstance(t);
  const app = join(folder, 'app');
  await mkdir(join(app, 'src'), { recursive: true });
  const put = async (name: string, text: string) => {
    await writeFile(join(folder, 'new'), text);
    await rename(join(folder, 'new'), join(app, name));
  };
  await put('src/a', '1');
  await put('img.yaml', recipe);
  const child = spawn(process.execPath, [programPath, 'build', 'app', '--watch'], {
    cwd: folder,
    env: variables,
  });
  t.teardown(() => child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  const told = child.stderr.setEncoding('utf8')[Symbol.asyncIterator]();
  // What is told until it waits for the next change.
  const round = async () => {
    let text = '';
    while (!text.includes('waiting for changes')) {
      const { value, done } = await told.next();
      if (done === true) throw new Error(`it has ended: ${text}`);
      text += value;
    }
    return text;
  };
  t.regex(await round(), /1 layer, .* built in /);
  await put('src/a', '2');
  t.regex(await round(), /changed: app\/src\/a\n(.*\n)*1 layer, .* built in /);
  await put('img.yaml', `${recipe}nam: x\n`);
  t.regex(await round(), /changed: app\/img\.yaml\n(.*\n)*img: .*img\.yaml:5:1: unknown key "nam"/);
  await put('img.yaml', recipe);
  t.regex(await round(), /built in /);
  const ended = once(child, 'close');
  child.kill('SIGINT');
  t.deepEqual(await ended, [0, null]);
  const digests = [...stdout.matchAll(/:1\.0\.0 +(sha256:[0-9a-f]{64})/g)].map(([, digest]) => digest);
  t.is(digests.length, 3);
  t.not(digests[0], digests[1]);
  t.is(digests[1], digests[2]);
});
