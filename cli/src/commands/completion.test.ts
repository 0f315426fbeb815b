import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { newInstance } from '../testing/run-img.ts';

const completed: readonly [typed: string[], offered: RegExp, reason: string][] = [
  [['pu'], /^pull push$/, 'commands'],
  [['key', 'ne'], /^new$/, 'commands of a command'],
  [['key', 'new', '--pass'], /^--passphrase-fd$/, 'options of a command of a command'],
  [['sign', '--key', 'alice', '--ex'], /^--expires$/, 'after the value of an option'],
  [['serve', ''], /--listen .*--json/, 'everything'],
  [['nothing', 'ke'], /^key$/, 'a word that is no command does not count'],
];

test('img completion prints a script with which bash completes commands and options', async (t) => {
  const { run, folder } = await newInstance(t);
  const { code, stdout } = await run(['completion', 'bash']);
  t.is(code, 0);
  const script = join(folder, 'completion.bash');
  await writeFile(script, stdout);
  for (const [typed, offered, reason] of completed) {
    const words = ['img', ...typed].map((word) => `'${word}'`).join(' ');
    const line = `source ${script}; COMP_WORDS=(${words}); COMP_CWORD=${typed.length}; _img; echo "\${COMPREPLY[@]}"`;
    const result = await promisify(execFile)('bash', ['-c', line]);
    t.regex(result.stdout.trim(), offered, reason);
  }
});

test('img completion refuses other shells', async (t) => {
  const { run } = await newInstance(t);
  t.is((await run(['completion', 'tcsh'])).code, 2);
});
