import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { newInstance } from '../testing/run-img.ts';
import { hotVerbs } from './hot-verbs.ts';
import { type BundleStamps, makeBundle } from './make-bundle.ts';

const root = join(import.meta.dirname, '../../..');

test('makeBundle() makes one file that does what the command does, and names what it was made of', async (t) => {
  const folder = temporaryFolder(t);
  t.is(await makeBundle(folder, 'ps'), undefined);
  const { variables } = await newInstance(t);
  const run = promisify(execFile);
  // As bin/img.js does it.
  const start = join(folder, 'start.cjs');
  const call = `require('node:vm').runInThisContext(require('node:fs').readFileSync(__dirname + '/ps.cjs'))(require)`;
  writeFileSync(start, call);
  const { stdout } = await run(process.execPath, [start, 'ps', '--json'], { env: variables });
  t.deepEqual(JSON.parse(stdout), []);
  const failed = await t.throwsAsync<Error & { stderr: string; code: number }>(
    run(process.execPath, [start, 'ps', '--nonsense'], { env: variables }),
  );
  t.is(failed.code, 2);
  t.regex(failed.stderr, /^img: unknown option '--nonsense'\n/);

  const stamps = JSON.parse(readFileSync(join(folder, 'ps.json'), 'utf8')) as BundleStamps;
  t.is(stamps.root, root);
  t.is(stamps.encoding, 'latin1');
  t.regex(readFileSync(join(folder, 'ps.cjs'), 'utf8'), /\n\/\/[0-9a-f]{16}$/);
  const paths = stamps.inputs.map(([path]) => path);
  for (const path of [
    'cli/src/main.ts',
    'cli/src/commands/ps.ts',
    'cli/src/bundle/make-bundle.ts',
    'runtime/src/host.ts',
    'node_modules/commander/index.js',
  ]) {
    t.true(paths.includes(path), path);
  }
  t.false(paths.includes('cli/src/commands/build.ts'));
  for (const [path, sizeBytes, mtimeMs, ctimeMs] of stamps.inputs) {
    t.like(statSync(join(root, path)), { size: sizeBytes, mtimeMs, ctimeMs });
  }
});

test('each command that has a bundle of its own is there', (t) => {
  for (const verb of hotVerbs) t.true(existsSync(join(root, `cli/src/commands/${verb}.ts`)), verb);
});
