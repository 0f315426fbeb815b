import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { parseRecipe } from '../recipe/parse-recipe.ts';
import { makeElf } from '../testing/make-elf.ts';
import { guessRecipe } from './guess-recipe.ts';

type Files = { readonly [path: string]: string | Uint8Array };

const elf = makeElf({ isStatic: true });
const dynamic = makeElf({ needed: ['libc.so.6'], interpreter: '/lib/ld.so' });
const java = 'os: debian:13\npackages: [ca-certificates, openjdk-21-jre-headless]\n';
const node = 'os: debian:13\npackages: [ca-certificates, nodejs]\n';
const python = 'os: debian:13\npackages: [ca-certificates, python3]\n';
const scratch = 'os: scratch\npackages: [ca-certificates, tzdata]\n';

const guesses: readonly (readonly [why: string, path: string, files: Files, lines: string])[] = [
  ['a jar', 'target/My App.jar', {}, `name: my-app\nversion: 0.1.0\n${java}app: {jar: "My App.jar"}\n`],
  ['a Python file', 'app.py', {}, `name: app\nversion: 0.1.0\n${python}app: {python: app.py}\n`],
  [
    'a Python file beside its packages',
    'app.py',
    { 'requirements.txt': '' },
    `name: app\nversion: 0.1.0\n${python}app: {python: .}\nrun: {cmd: [/opt/app/.venv/bin/python, "-u", /opt/app/app.py]}\n`,
  ],
  ['a JavaScript file', 'a/server.mjs', {}, `name: server\nversion: 0.1.0\n${node}app: {node: server.mjs}\n`],
  [
    'a static program',
    'agent',
    { agent: elf },
    `name: agent\nversion: 0.1.0\n${scratch}app: {go: agent}\nrun: {entrypoint: [/opt/app/agent]}\n`,
  ],
  [
    'a folder with a package.json',
    'web',
    { 'web/package.json': '{"name": "@me/shop", "version": "1.2.3"}' },
    `name: shop\nversion: "1.2.3"\n${node}app: {node: .}\n`,
  ],
  [
    'a package.json with names that mean nothing here',
    'web',
    { 'web/package.json': '{"name": "No Name", "version": "x y"}' },
    `name: web\nversion: 0.1.0\n${node}app: {node: .}\n`,
  ],
  [
    'a folder with packages of Python',
    'w_1',
    { 'w_1/requirements.txt': '' },
    `name: w-1\nversion: 0.1.0\n${python}app: {python: .}\n`,
  ],
  [
    'a folder with a main.py',
    'w',
    { 'w/main.py': '' },
    `name: w\nversion: 0.1.0\n${python}app: {python: .}\n`,
  ],
  [
    'a folder with a jar that was built',
    'w',
    { 'w/build/libs/w.jar': '', 'w/build/libs/w-plain.jar': '' },
    `name: w\nversion: 0.1.0\n${java}app: {jar: build/libs/w.jar}\n`,
  ],
  [
    'a folder with a static program of its name',
    'agent',
    { 'agent/agent': elf },
    `name: agent\nversion: 0.1.0\n${scratch}app: {go: agent}\nrun: {entrypoint: [/opt/app/agent]}\n`,
  ],
];

for (const [why, path, files, lines] of guesses) {
  test(`guessRecipe() makes an img.yaml for ${why}`, async (t) => {
    const folder = temporaryFolder(t);
    const isFolder = Object.keys(files).some((name) => name.startsWith(`${path}/`));
    for (const [name, content] of Object.entries(
      isFolder || path in files ? files : { [path]: 'x', ...files },
    )) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    const guessed = await guessRecipe(join(folder, path));
    t.is(guessed?.text, lines.replaceAll('version: 0.1.0', 'version: "0.1.0"'));
    t.is(guessed?.folder, isFolder ? join(folder, path) : dirname(join(folder, path)));
    t.notThrows(() => parseRecipe(Buffer.from(guessed?.text ?? ''), 'img.yaml'));
  });
}

test('guessRecipe() takes a program that needs libraries, or a script, with what it needs of this machine', async (t) => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, 'tool'), dynamic);
  await writeFile(join(folder, 'script'), '#!/bin/sh\n');
  t.regex(
    (await guessRecipe(join(folder, 'tool')))?.text ?? '',
    /^binary: \[\/.*\/tool\]\nrun: \{entrypoint: \[\/.*\/tool\]\}$/m,
  );
  t.regex((await guessRecipe(join(folder, 'script')))?.text ?? '', /^binary: \[\/.*\/script\]$/m);
});

test('guessRecipe() makes nothing up for what it does not know', async (t) => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, 'readme'), 'text');
  await mkdir(join(folder, 'empty'));
  t.is(await guessRecipe(join(folder, 'readme')), undefined);
  t.is(await guessRecipe(join(folder, 'empty')), undefined);
});
