import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Instance, newInstance } from '@img/cli/testing/run-img';
import { findProgram, needsRoot, needsTool } from '@img/sign/testing/needs';
import test, { type ExecutionContext } from 'ava';
import { startImg, withVariables } from '../testing/instance.ts';
import { canRunShellApp } from '../testing/shell-app.ts';
import { done, publish, setStage } from '../testing/stage.ts';
import { jarApp, nodeApp, pythonApp, type TestApp, writeFiles } from './app-folder.ts';

// Apps of every kind, built by the real command from a real archive, and started.

function canRun(t: ExecutionContext): boolean {
  return needsRoot(t) && (findProgram('crun') !== undefined || needsTool(t, 'runc'));
}

async function write(t: ExecutionContext, { files, variables }: TestApp): Promise<Instance> {
  const instance = withVariables(await newInstance(t), variables);
  await writeFiles(join(instance.folder, 'app'), files);
  return instance;
}

async function run(instance: Instance, words: readonly string[]): Promise<string> {
  return await done(instance, ['run', '--insecure=signature', ...words]);
}

/** Builds the same app elsewhere, under another umask, time zone and locale. */
async function digestElsewhere(t: ExecutionContext, instance: Instance, path: string): Promise<string> {
  const folder = join(instance.folder, 'another/place');
  await mkdir(folder, { recursive: true });
  await cp(join(instance.folder, 'app'), join(folder, 'app'), { recursive: true });
  const other = withVariables(
    { ...instance, folder },
    { IMG_ROOT: join(folder, 'root'), TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8' },
  );
  const wrapper = ['sh', '-c', 'umask 077; exec "$@"', 'sh'];
  const { ended } = startImg(t, { ...other, folder }, ['build', path, '--json', '--quiet'], { wrapper });
  const { stdout, stderr } = await ended;
  t.not(stdout, '', stderr);
  return JSON.parse(stdout).digest;
}

async function build(instance: Instance, path: string): Promise<string> {
  return JSON.parse(await done(instance, ['build', path, '--json', '--quiet'])).digest;
}

const kinds: readonly (readonly [
  why: string,
  make: (t: ExecutionContext) => Promise<TestApp>,
  path: string,
  name: string,
  says: string,
])[] = [
  ['a folder with a package.json', nodeApp, 'app', 'shop:1.2.3', 'node says hello in /opt/app\n'],
  ['a folder with a requirements.txt', pythonApp, 'app', 'app', 'python says hello\n'],
  ['a fat jar', jarApp, 'app/target/shop.jar', 'shop', 'java says hello shop\n'],
];

for (const [why, make, path, name, says] of kinds) {
  test(`img build makes an image of ${why} that starts, and the same one elsewhere`, async (t) => {
    if (!canRun(t)) return;
    const instance = await write(t, await make(t));
    const digest = await build(instance, path);
    t.is(await run(instance, [name]), says);
    t.is(await digestElsewhere(t, instance, path), digest);
    if (why.includes('requirements')) t.is(await run(instance, [name, 'greet']), says);
  });
}

test('img build /usr/bin/curl makes an image of the program with what it needs, that starts', async (t) => {
  if (!canRun(t) || !needsTool(t, 'curl')) return;
  const instance = await newInstance(t);
  const program = findProgram('curl') ?? '';
  await writeFiles(join(instance.folder, 'app'), {});
  await mkdir(join(instance.folder, 'app'), { recursive: true });
  const digest = await build(instance, program);
  t.regex(await run(instance, ['curl', '--version']), /^curl \d/);
  t.is(await digestElsewhere(t, instance, program), digest);
});

test('img build makes an image of a static Go program that starts, and finds certificates and time zones', async (t) => {
  if (!canRun(t) || !needsTool(t, 'go', { isOptional: true })) return;
  const instance = await write(t, {
    files: {
      'go.mod': 'module example.com/agent\n\ngo 1.20\n',
      'main.go': `package main

import (
	"crypto/x509"
	"fmt"
	"time"
)

func main() {
	zone, problem := time.LoadLocation("Europe/Budapest")
	pool, trouble := x509.SystemCertPool()
	fmt.Println("go says hello", zone, problem, pool != nil && len(pool.Subjects()) > 100, trouble)
}
`,
    },
    variables: {},
  });
  const folder = join(instance.folder, 'app');
  execFileSync(findProgram('go') ?? '', ['build', '-trimpath', '-o', 'app', '.'], {
    cwd: folder,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' },
  });
  const digest = await build(instance, 'app');
  t.is(await run(instance, ['app']), 'go says hello Europe/Budapest <nil> true <nil>\n');
  t.is(await digestElsewhere(t, instance, 'app'), digest);
});

test('img build builds upon an image that another tool made, and that of this host, and starts both', async (t) => {
  if (!canRun(t) || !needsTool(t, 'umoci') || !needsTool(t, 'busybox')) return;
  const instance = await newInstance(t);
  const folder = join(instance.folder, 'app');
  await writeFiles(folder, { note: 'a note' });
  const umoci = (...args: readonly string[]) => execFileSync('umoci', args, { cwd: folder, stdio: 'ignore' });
  umoci('init', '--layout', 'base');
  umoci('new', '--image', 'base:1');
  umoci('unpack', '--image', 'base:1', 'bundle');
  await writeFiles(join(folder, 'bundle/rootfs'), { 'bin/sh': await readFile(findProgram('busybox') ?? '') });
  await chmod(join(folder, 'bundle/rootfs/bin/sh'), 0o755);
  umoci('repack', '--image', 'base:1', 'bundle');
  const start = ['--config.entrypoint', '/bin/sh', '--config.entrypoint', '-c', '--config.cmd', 'echo base'];
  umoci('config', '--image', 'base:1', ...start);
  const recipe = (name: string, from: string, run: string) =>
    `name: ${name}\nversion: "1"\nfrom: ${from}\nfiles: [{from: note, to: /etc/note}]\nrun: {${run}}\n`;
  await writeFile(
    join(folder, 'img.yaml'),
    recipe('first', 'oci:base:1', 'cmd: [read line < /etc/note; echo "$line"]'),
  );
  const digest = await build(instance, 'app');
  t.is(await run(instance, ['first']), 'a note\n');
  t.is(await digestElsewhere(t, instance, 'app'), digest);
  await writeFile(
    join(folder, 'second.yaml'),
    recipe('second', 'host:first:1', 'env: {A: b}, cmd: [echo "$A"]'),
  );
  await build(instance, 'app/second.yaml');
  t.is(await run(instance, ['second']), 'b\n');
});

test('img build builds upon an image of a registry, and without it once that is locked and cached', async (t) => {
  if (!canRunShellApp(t)) return;
  const stage = await setStage(t);
  await publish(stage, { says: 'hello from below' });
  const { host, folder, registry } = stage;
  await writeFiles(join(folder, 'above'), {
    'img.yaml': `name: com.example.above\nversion: "1"\nfrom: ${registry}/com.example.app:1.0.0\nfiles: [{from: note, to: /etc/}]\n`,
    note: 'a note',
  });
  const digest = await build(host, 'above');
  t.is(await run(host, ['com.example.above:1']), 'hello from below\n');
  t.is(await run(host, ['com.example.above:1', 'cat', '/etc/note']), 'a note');
  const away = withVariables(host, { IMG_ROOT: join(folder, 'another-root') });
  const recipe = join(folder, 'above/img.yaml');
  await writeFile(recipe, (await readFile(recipe, 'utf8')).replace(registry, '127.0.0.1:1'));
  const lock = join(folder, 'above/img.lock');
  await writeFile(lock, (await readFile(lock, 'utf8')).replace(registry, '127.0.0.1:1'));
  t.is(await build(away, 'above'), digest);
});
