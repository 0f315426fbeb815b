import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { renameNew } from './rename-new.ts';

test('renameNew() renames to a name that is free, and leaves what has the name already', (t) => {
  const folder = temporaryFolder(t);
  const [first, second, name] = ['first', 'second', 'name'].map((file) => join(folder, file)) as [
    string,
    string,
    string,
  ];
  writeFileSync(first, '1');
  writeFileSync(second, '2');
  t.true(renameNew(first, name));
  t.false(renameNew(second, name));
  t.is(readFileSync(name, 'utf8'), '1');
  t.false(existsSync(first));
  t.true(existsSync(second));
});

test('renameNew() names the file that is not there', (t) => {
  const path = join(temporaryFolder(t), 'missing');
  t.throws(() => renameNew(path, `${path}-too`), { code: 'SYSTEM_CALL_FAILED', message: /missing/ });
});
