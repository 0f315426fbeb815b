import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { codeOf } from '../testing/test-system.ts';
import { stampSources } from './source-stamps.ts';
import { watchSources } from './watch-sources.ts';

/** A folder, and a way to change files of it in one step, so that no half of a change is ever seen. */
async function prepare(t: ExecutionContext, files: { readonly [path: string]: string }, path = '') {
  const root = temporaryFolder(t);
  const folder = join(root, 'app');
  await mkdir(folder);
  const put = async (name: string, text: string) => {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(root, 'new'), text);
    await rename(join(root, 'new'), join(folder, name));
  };
  for (const [name, text] of Object.entries(files)) await put(name, text);
  const controller = new AbortController();
  const changes = watchSources(join(folder, path), { signal: controller.signal });
  t.teardown(() => changes.return());
  const next = async () => (await changes.next()).value?.map((file) => relative(folder, file));
  return { root, folder, put, next, controller };
}

const recipe = 'name: com.example.app\nversion: 1.0.0\nos: scratch\napp: {files: src}\n';

test('watchSources() yields at once, and then what has changed of what the recipe names', async (t) => {
  const { put, next } = await prepare(t, { 'img.yaml': recipe, 'src/a': '1', other: '1' });
  t.deepEqual(await next(), []);
  await put('other', '2');
  await put('src/a', '2');
  t.deepEqual(await next(), ['src/a']);
  await put('src/below/b', '1');
  t.true((await next())?.includes('src/below'));
});

test('watchSources() looks into new folders, and into those that come anew', async (t) => {
  const { root, folder, put, next } = await prepare(t, { 'img.yaml': recipe, 'src/a/b': '1' });
  await next();
  await mkdir(join(root, 'made/c'), { recursive: true });
  await rename(join(folder, 'src/a'), join(root, 'old'));
  await rename(join(root, 'made'), join(folder, 'src/a'));
  const first = await next();
  // Both steps may be seen apart.
  if (first?.includes('src/a/c') !== true) t.deepEqual(await next(), ['src/a', 'src/a/c']);
  await put('src/a/c/d', '1');
  t.deepEqual(await next(), ['src/a/c/d']);
});

test('watchSources() respects ignore rules, and notices when they change', async (t) => {
  const { put, next } = await prepare(t, {
    'img.yaml': recipe,
    '.imgignore': '**/*.log',
    'src/a': '1',
    'src/x.log': '1',
    'src/node_modules/a': '1',
  });
  await next();
  await put('src/x.log', '2');
  await put('src/node_modules/a', '2');
  await put('src/a', '2');
  t.deepEqual(await next(), ['src/a']);
  await put('.imgignore', '');
  t.deepEqual(await next(), ['.imgignore']);
});

test('watchSources() notices what happens during a build, apart from the lock that it writes', async (t) => {
  const { put, next } = await prepare(t, { 'img.yaml': recipe, 'src/a': '1' });
  await next();
  await put('img.lock', '{}');
  await put('src/a', '2');
  t.deepEqual(await next(), ['src/a']);
  await put('img.lock', '{"a": 1}');
  await put('img.yaml', recipe.replace('1.0.0', '1.0.1'));
  t.deepEqual(await next(), ['img.yaml']);
});

test('watchSources() waits for a recipe that can be read, and for files that are not there yet', async (t) => {
  const { put, next } = await prepare(t, { 'img.yaml': 'nam: x\n' });
  t.deepEqual(await next(), []);
  await put('img.yaml', recipe);
  t.deepEqual(await next(), ['img.yaml']);
  await put('src', 'a file');
  t.deepEqual(await next(), ['src']);
});

test('watchSources() watches an app without a recipe, also if a rule leaves it out', async (t) => {
  const { put, next } = await prepare(t, { 'app.py': '1', '.dockerignore': '*' }, 'app.py');
  await next();
  await put('other.py', '1');
  await put('app.py', '2');
  t.deepEqual(await next(), ['app.py']);
});

test('watchSources() ends with the reason of its signal, and where there is nothing', async (t) => {
  const { folder, next, controller } = await prepare(t, { 'img.yaml': recipe });
  await next();
  const waiting = next();
  controller.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
  await rm(folder, { recursive: true });
  t.is(await codeOf(watchSources(folder).next()), 'RECIPE_MISSING');
});

test('stampSources() never takes what the recipe said for what it says by now', async (t) => {
  const { folder, put } = await prepare(t, { 'img.yaml': recipe, 'src/a': '1' });
  const source = join(folder, 'src/a');
  const stamp = (files: ReadonlyMap<string, string>) => files.get(join(folder, 'img.yaml'));
  let compared = 0;
  for (let round = 0; round < 100; round += 1) {
    // Now at this moment of reading, now at that.
    const change = async () => {
      for (let step = 0; step < round % 25; step += 1) await stat(folder);
      await put('img.yaml', round % 2 === 0 ? `${recipe}nam: x\n` : recipe);
    };
    const [{ files }] = await Promise.all([stampSources(folder), change()]);
    const after = (await stampSources(folder)).files;
    if (stamp(files) !== stamp(after)) continue;
    compared += 1;
    t.is(files.has(source), after.has(source), 'one file says one thing');
  }
  t.log(`${compared} times it was the recipe of afterwards`);
});
