import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import type { Generation } from './app-files.ts';
import { parseAppName } from './app-name.ts';
import { beginTrial, confirm, firstState, reject } from './app-state.ts';
import { AppStore } from './app-store.ts';
import { lockApp } from './lock-app.ts';

const name = parseAppName('web');
const image = 'registry.example:5000/com.example.web:stable';
const content: Omit<Generation, 'number'> = {
  created: '2026-11-22T12:00:00.000Z',
  source: image,
  digest: digestOf(new Uint8Array()),
  signers: ['Alice'],
  stopSignal: 15,
  definition: { image, update: { stable: '5m' } },
};
const updater = { pid: 7, startTicks: 1, bootId: 'b', pidNamespace: 'n' };
const time = new Date('2026-11-22T12:00:00Z');

test('AppStore gives back what it was given', async (t) => {
  const store = new AppStore(join(temporaryFolder(t), 'apps'));
  t.deepEqual(await store.list(), []);
  t.deepEqual(await store.addGeneration(name, content), { number: 1, ...content });
  t.deepEqual(await store.addGeneration(name, content), { number: 2, ...content });
  const state = reject(beginTrial(confirm(firstState(1), time), 2, updater), 'ill', time);
  for (const written of [state, { ...beginTrial(state, 2, updater), isPinned: true }]) {
    await store.writeState(name, written);
    t.deepEqual(await store.state(name), written);
  }
  t.deepEqual(await store.list(), [name]);
  t.deepEqual(await store.generation(name, 2), { number: 2, ...content });
  t.is((await store.allGenerations()).length, 2);
  await store.remove(name);
  t.deepEqual(await store.list(), []);
  await t.throwsAsync(store.state(name), { code: 'APP_UNKNOWN' });
});

for (const [file, text, reason] of [
  ['state.json', '{"current":', 'cut off'],
  ['state.json', '{"current":0}', 'no generation'],
  ['state.json', '{"current":1,"verdicts":{"1":{"verdict":"perfect"}}}', 'an unknown verdict'],
  ['state.json', '{"current":1,"trial":{"previous":1}}', 'a trial that nobody watches'],
  ['generations/1.json', '{}', 'empty'],
  ['generations/1.json', JSON.stringify({ number: 2, ...content }), 'another generation'],
  ['generations/1.json', JSON.stringify({ number: 1, ...content, digest: 'sha256:0' }), 'no digest'],
  ['generations/1.json', JSON.stringify({ number: 1, ...content, definition: {} }), 'no image'],
  ['generations/1.json', 'x'.repeat(300_000), 'longer than any'],
] as const) {
  test(`a damaged ${file} is an error that names it: ${reason}`, async (t) => {
    const folder = temporaryFolder(t);
    const store = new AppStore(folder);
    await store.addGeneration(name, content);
    await store.writeState(name, firstState(1));
    const path = join(folder, name, file);
    writeFileSync(path, text);
    const error = await t.throwsAsync(file === 'state.json' ? store.state(name) : store.generation(name, 1), {
      code: 'STATE_INVALID',
    });
    t.true(error.message.includes(path));
  });
}

test('prune() keeps the current generation, good ones to go back to, and what was last', async (t) => {
  const folder = temporaryFolder(t);
  const store = new AppStore(folder);
  for (let count = 0; count < 12; count += 1) await store.addGeneration(name, content);
  let state = firstState(2);
  for (const good of [2, 4, 5, 6]) state = confirm(beginTrial(state, good, updater), time);
  writeFileSync(join(folder, name, '.tmp-state.json-0123'), 'half');
  await store.prune(name, { ...state, current: 3 });
  const numbers = (await store.generations(name)).map(({ number }) => number);
  t.deepEqual(numbers, [3, 5, 6, 9, 10, 11, 12]);
  t.deepEqual(readdirSync(join(folder, name)).toSorted(), ['generations']);
  t.is((await store.addGeneration(name, content)).number, 13);
});

test('killed at any instant, an app is as it was or as it shall be', async (t) => {
  const folder = temporaryFolder(t);
  const program = `
    import { AppStore } from ${JSON.stringify(new URL('./app-store.ts', import.meta.url).href)};
    import { beginTrial, confirm, firstState, reject } from ${JSON.stringify(new URL('./app-state.ts', import.meta.url).href)};
    const store = new AppStore(${JSON.stringify(folder)});
    const name = ${JSON.stringify(name)};
    let state = (await store.findState(name)) ?? firstState((await store.addGeneration(name, ${JSON.stringify(content)})).number);
    for (;;) {
      const { number } = await store.addGeneration(name, ${JSON.stringify(content)});
      state = beginTrial(state, number, ${JSON.stringify(updater)});
      await store.writeState(name, state);
      state = number % 2 === 0 ? confirm(state, new Date()) : reject(state, 'odd', new Date());
      await store.writeState(name, state);
      await store.prune(name, state);
      process.stdout.write(number + '\\n');
    }`;
  const store = new AppStore(folder);
  for (let round = 0; round < 4; round += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let count = 0;
    // At another instant each time.
    child.stdout.on('data', () => {
      count += 1;
      if (count === 1 + round * 2) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const state = await store.state(name);
    const generation = await store.generation(name, state.current);
    t.deepEqual(generation, { number: state.current, ...content });
    if (state.trial !== undefined) t.is((await store.generation(name, state.trial.previous)).source, image);
  }
});

test('lockApp() lets one command at a time change an app', async (t) => {
  const folder = join(temporaryFolder(t), 'locks');
  {
    await using _lock = await lockApp(folder, name);
    await t.throwsAsync(lockApp(folder, name), { code: 'APP_BUSY' });
    await using _other = await lockApp(folder, parseAppName('other'));
  }
  await using _again = await lockApp(folder, name);
  t.pass();
});

test('an app of which only generations are there is none', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, name));
  const store = new AppStore(folder);
  await store.addGeneration(name, content);
  t.deepEqual(await store.list(), []);
  t.is(await store.findState(name), undefined);
  t.true(readFileSync(join(folder, name, 'generations/1.json'), 'utf8').includes('Alice'));
});
