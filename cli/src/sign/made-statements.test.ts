import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { signedEvidence } from '@img/sign/testing/test-evidence';
import { testKey } from '@img/sign/testing/test-keys';
import test from 'ava';
import { MadeStatements } from './made-statements.ts';

test('MadeStatements knows what was signed, however it is written, and nothing else', async (t) => {
  const folder = join(temporaryFolder(t), 'keys');
  const made = new MadeStatements(folder);
  const bundleOf = async (sequence: number) =>
    (await signedEvidence(testKey(1), { sequence })).bundles[0] as Uint8Array;
  const bundle = await bundleOf(1);
  t.false((await made.read())(bundle), 'before anything was signed');
  await Promise.all([
    made.note([bundle], 'com.example.app:1.0'),
    made.note([await bundleOf(2)], 'com.example.app:2.0'),
  ]);
  const isMade = await made.read();
  t.true(isMade(bundle));
  t.true(isMade(await bundleOf(2)));
  const indented = JSON.stringify(JSON.parse(Buffer.from(bundle).toString()), null, 2);
  t.true(isMade(new Uint8Array(Buffer.from(indented))), 'written in another way');
  t.false(isMade(await bundleOf(3)));
  t.false(isMade(new Uint8Array(Buffer.from('nothing'))), 'no bundle');
  t.regex(await readFile(made.path, 'utf8'), /^(?:sha256:[0-9a-f]{64} com\.example\.app:\d\.0\n){2}$/);
  t.is((await stat(made.path)).mode & 0o777, 0o600);
});
