import { Buffer } from 'node:buffer';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import fc from 'fast-check';
import { runTool } from '../testing/tool.ts';
import { readAr } from './ar.ts';

const header = (name: string, size: number | string, end = '`\n') =>
  `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(size).padEnd(10)}${end}`;

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function members(bytes: Uint8Array, pieceBytes = 7): Promise<[name: string, content: string][]> {
  const result: [string, string][] = [];
  for await (const { name, content } of readAr(pieces(bytes, pieceBytes), 'a.deb')) {
    result.push([name, Buffer.concat(await Array.fromAsync(content)).toString('latin1')]);
  }
  return result;
}

test('readAr() reads what ar(1) writes, in pieces of any size', async (t) => {
  if (!needsTool(t, 'ar')) return;
  const cwd = temporaryFolder(t);
  await writeFile(join(cwd, 'odd'), 'odd');
  await writeFile(join(cwd, 'even'), 'even');
  await writeFile(join(cwd, 'empty'), '');
  runTool('ar', ['rcS', 'all.a', 'odd', 'empty', 'even'], { cwd });
  const bytes = await readFile(join(cwd, 'all.a'));
  for (const size of [1, 2, 59, 60, 61, 1000]) {
    t.deepEqual(await members(bytes, size), [
      ['odd', 'odd'],
      ['empty', ''],
      ['even', 'even'],
    ]);
  }
});

test('readAr() skips what nobody reads', async (t) => {
  const bytes = Buffer.from(`!<arch>\n${header('a', 5)}12345\n${header('b', 2)}67`);
  const names: string[] = [];
  for await (const member of readAr(pieces(bytes, 3), 'a.deb')) {
    names.push(member.name);
    // Reads one piece of the first member only.
    if (member.name === 'a') for await (const piece of member.content) if (piece.byteLength > 0) break;
  }
  t.deepEqual(names, ['a', 'b']);
});

test('readAr() ends its source when its reader stops early', async (t) => {
  let isEnded = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.from(`!<arch>\n${header('a', 1_000_000)}`);
    } finally {
      isEnded = true;
    }
  }
  for await (const member of readAr(source(), 'a.deb')) {
    t.is(member.sizeBytes, 1_000_000);
    break;
  }
  t.true(isEnded);
});

const refused: readonly [why: string, text: string][] = [
  ['nothing at all', ''],
  ['another magic', '!<thin>\n'],
  ['a magic cut short', '!<arc'],
  ['a header cut short', `!<arch>\n${header('a', 1).slice(0, 30)}`],
  ['a header without its end mark', `!<arch>\n${header('a', 1, 'xx')}1\n`],
  ['a size that is no number', `!<arch>\n${header('a', 'ten')}1\n`],
  ['a negative size', `!<arch>\n${header('a', '-1')}1\n`],
  ['a size with a sign', `!<arch>\n${header('a', '+1')}1\n`],
  ['a size in hex', `!<arch>\n${header('a', '0x1')}1\n`],
  ['no size', `!<arch>\n${header('a', '')}1\n`],
  ['an empty name', `!<arch>\n${header('', 1)}1\n`],
  ['a name with a space inside', `!<arch>\n${header('a b', 1)}1\n`],
  ['a name with a control character', `!<arch>\n${header('a\u001b', 1)}1\n`],
  ['a content cut short', `!<arch>\n${header('a', 100)}1`],
  ['an odd member without its newline', `!<arch>\n${header('a', 1)}1`],
  ['another byte where the newline should be', `!<arch>\n${header('a', 1)}1x`],
  ['bytes after the last member', `!<arch>\n${header('a', 2)}12more`],
];

for (const [why, text] of refused) {
  test(`readAr() refuses ${why}`, async (t) => {
    await t.throwsAsync(members(Buffer.from(text, 'latin1')), { code: 'AR_INVALID', message: /^"a\.deb" / });
  });
}

test('readAr() throws nothing but AR_INVALID, whatever it is given', async (t) => {
  const archive = Buffer.from(`!<arch>\n${header('debian-binary', 4)}2.0\n${header('b', 3)}abc\n`);
  await fc.assert(
    fc.asyncProperty(fc.nat(archive.length - 1), fc.nat(255), fc.nat(200), async (at, byte, length) => {
      const changed = Buffer.from(archive.subarray(0, length));
      if (at < changed.length) changed[at] = byte;
      await members(changed).catch((error: { code?: string }) => t.is(error.code, 'AR_INVALID'));
    }),
    { numRuns: 500 },
  );
  t.pass();
});
