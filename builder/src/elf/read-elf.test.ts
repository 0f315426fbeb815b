import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { needsTool } from '@img/sign/testing/needs';
import test from 'ava';
import fc from 'fast-check';
import { BuilderError } from '../builder-error.ts';
import { makeElf } from '../testing/make-elf.ts';
import { HostRoot } from './host-root.ts';
import { readElf } from './read-elf.ts';

const read = async (bytes: Buffer) => {
  return await readElf(async (offset, sizeBytes) => bytes.subarray(offset, offset + sizeBytes), 'file');
};

test('readElf() reads what a linker writes', async (t) => {
  t.deepEqual(
    await read(
      makeElf({
        needed: ['libb.so.2', 'liba.so.1'],
        soname: 'libc.so.3',
        rpath: '/a:$ORIGIN/b',
        runpath: '/c::/d',
        interpreter: '/lib/ld.so',
      }),
    ),
    {
      bits: 64,
      machine: 62,
      interpreter: '/lib/ld.so',
      isDynamic: true,
      needed: ['libb.so.2', 'liba.so.1'],
      soname: 'libc.so.3',
      rpath: ['/a', '$ORIGIN/b'],
      runpath: ['/c', '/d'],
      loaded: [],
    },
  );
  t.like(await read(makeElf({ isStatic: true })), { isDynamic: false, needed: [], interpreter: undefined });
});

test('readElf() reads notes of what is loaded at run time, and passes over others', async (t) => {
  const dlopen = [
    { soname: ['libz.so.1'], priority: 'required' },
    { soname: ['liblz4.so.1', 'liblz4.so.0'] },
    { soname: ['libqrencode.so.4'], priority: 'suggested' },
    { soname: ['../evil.so'], priority: 'required' },
    { soname: 'libx.so' },
    null,
  ];
  t.deepEqual((await read(makeElf({ dlopen }))).loaded, ['libz.so.1', 'liblz4.so.1', 'liblz4.so.0']);
  t.deepEqual((await read(makeElf({ dlopen: {} }))).loaded, []);
});

test('readElf() says the same as readelf of the programs of this machine', async (t) => {
  if (!needsTool(t, 'readelf')) return;
  for (const path of ['/bin/ls', '/bin/sh', process.execPath, '/usr/bin/openssl', '/usr/bin/git']) {
    const found = await new HostRoot().follow(path);
    if (found === undefined || found.path.endsWith('.js')) continue;
    const { stdout } = spawnSync('readelf', ['-dlW', found.path], { encoding: 'utf8' });
    if (!stdout.includes('Program Headers')) continue;
    const all = (pattern: RegExp) => [...stdout.matchAll(pattern)].map((match) => match[1]);
    const elf = await read(await readFile(found.path));
    t.deepEqual(elf.needed, all(/\(NEEDED\).*\[(.*)\]/g) as string[], path);
    t.deepEqual([elf.interpreter], all(/program interpreter: (.*)\]/g), path);
    t.deepEqual(elf.runpath.join(':'), all(/\(RUNPATH\).*\[(.*)\]/g).join(':'), path);
  }
});

const whole = makeElf({ needed: ['liba.so'], interpreter: '/lib/ld.so', dlopen: [{ soname: ['z'] }] });
const changed = (at: number, value: number) => {
  const bytes = Buffer.from(whole);
  bytes[at] = value;
  return bytes;
};

const refusals: readonly (readonly [why: string, bytes: Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['another format', Buffer.from('#!/bin/sh\n'.padEnd(100))],
  ['a class that does not exist', changed(4, 3)],
  ['a byte order that does not exist', changed(5, 0)],
  ['a version that does not exist', changed(6, 2)],
  ['a header that is cut off', whole.subarray(0, 60)],
  ['segments that are cut off', whole.subarray(0, 100)],
  ['segments beyond the end', changed(35, 0xff)],
  ['segments of another size', changed(54, 32)],
  ['more segments than there can be', changed(57, 0xff)],
  ['a dynamic section that is cut off', whole.subarray(0, whole.byteLength - 8)],
  ['an interpreter that is no absolute path', makeElf({ interpreter: 'ld.so' })],
  ['an interpreter without an end', makeElf({ interpreter: `/${'x'.repeat(5000)}` })],
  ['a library without a name', makeElf({ needed: [''] })],
  ['a library with too long a name', makeElf({ needed: ['x'.repeat(5000)] })],
];

for (const [why, bytes] of refusals) {
  test(`readElf() refuses ${why}`, async (t) => {
    await t.throwsAsync(read(bytes), { instanceOf: BuilderError, code: 'ELF_INVALID' });
  });
}

test('readElf() refuses a damaged file or reads it, and never fails otherwise', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        await read(bytes).catch((error) => {
          if (!(error instanceof BuilderError)) throw error;
        });
      },
    ),
    { numRuns: 2000 },
  );
  t.pass();
});
