import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { newInstance } from '../testing/run-img.ts';

const whole = 'FROM scratch\nCOPY hello.txt /srv/\nENV A=1\nENTRYPOINT ["/srv/hello.txt"]\n';

async function prepare(t: ExecutionContext, dockerfile: string) {
  const instance = await newInstance(t);
  const folder = join(instance.folder, 'app');
  await mkdir(folder);
  await writeFile(join(folder, 'Dockerfile'), dockerfile);
  await writeFile(join(folder, 'hello.txt'), 'hello\n', { mode: 0o755 });
  return { ...instance, app: folder };
}

test('img import makes an img.yaml of a Dockerfile, and img build an image of that', async (t) => {
  const { run, app } = await prepare(t, whole.replace('/srv/hello.txt"', '/srv/hello.txt", "b"'));
  const imported = await run(['import', 'app/Dockerfile']);
  t.is(imported.code, 0, imported.stderr);
  t.is(imported.stdout, 'app/img.yaml\n');
  t.regex(imported.stderr, /^4 instructions: nothing left out\n/);
  t.regex(
    await readFile(join(app, 'img.yaml'), 'utf8'),
    /\nfiles:\n {2}- \{from: hello.txt, to: \/srv\/\}\n/,
  );
  const again = await run(['import', 'app']);
  t.is(again.code, 1);
  t.regex(again.stderr, /there is an img\.yaml already: "app\/img\.yaml"\n.*hint: img import --print/);
  const built = await run(['build', 'app', '--json']);
  t.is(built.code, 0, built.stderr);
  t.regex(JSON.parse(built.stdout).digest, /^sha256:/);
});

test('img import tells line by line what is left to do, and ends with 1', async (t) => {
  const { run, app } = await prepare(t, `${whole}RUN make\nARG V\nRUN apt-get install -y $V\n`);
  const { code, stdout, stderr } = await run(['import', 'app', '--print', '--build-arg', 'V=curl']);
  t.is(code, 1);
  t.regex(stdout, /^# Made of Dockerfile by img import\.\nname: app\n/);
  t.regex(
    stderr,
    /^app\/Dockerfile:5: left: RUN make\n {4}nothing is compiled .*\n {4}instead: run it before img build/,
  );
  t.regex(stderr, /7 instructions: 1 thing left to do\n$/);
  t.deepEqual(await readdir(app), ['Dockerfile', 'hello.txt']);
  const document = JSON.parse((await run(['import', 'app', '--json'])).stdout);
  t.like(document, { dockerfile: 'app/Dockerfile', file: 'app/img.yaml', instructions: 7 });
  t.like(document.notes[0], { line: 5, text: 'RUN make', outcome: 'left' });
});

test('img import copies from the folder that is named, and takes names, stages and arguments', async (t) => {
  const { run, app, folder } = await prepare(t, '');
  await writeFile(join(folder, 'web.Dockerfile'), 'ARG X\nFROM $X AS web\nCOPY hello.txt /\nFROM alpine\n');
  const words = ['import', 'web.Dockerfile', 'app', '--name', 'com.example.web', '--target', 'web'];
  const { code, stderr } = await run([...words, '--build-arg', 'X=scratch']);
  t.is(code, 0, stderr);
  t.regex(
    await readFile(join(app, 'img.yaml'), 'utf8'),
    /\nname: com.example.web\nversion: "0.1.0"\nos: scratch\n/,
  );
});

test('img import refuses what is no Dockerfile with a hint', async (t) => {
  const { run } = await prepare(t, 'FORM scratch\n');
  const wrong = await run(['import', 'app']);
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /img: app\/Dockerfile:1: unknown instruction "FORM"; did you mean FROM\?\n.*hint: /);
  t.like(await run(['import', 'nowhere']), { code: 2 });
  t.like(await run(['import', 'app/Dockerfile', 'nowhere']), { code: 2 });
  t.like(await run(['import', 'app', '--build-arg', 'x']), { code: 2 });
  t.like(await run(['import', 'app', '--name', 'NO']), { code: 2 });
});
