import { createRequire } from 'node:module';
import { runInThisContext } from 'node:vm';
import test from 'ava';
import { wrapBundle } from './wrap-bundle.ts';

/** What the code of a bundle returns. */
function run(code: string, ...builtins: readonly string[]): unknown {
  const bundle = runInThisContext(wrapBundle(code, builtins)) as (require: unknown) => unknown;
  return bundle(createRequire(import.meta.url));
}

test('wrapBundle() gives the code a require() that has all of a module of Node, once, loading it with the first use', (t) => {
  t.is(run(`return require('node:path').join('a', 'b')`, 'node:path'), 'a/b');
  t.true(run(`return require('node:path') === require('node:path')`, 'node:path'));
  t.true(run(`return new (require('node:util').TextDecoder)().encoding === 'utf-8'`, 'node:util'));
  const code = `return Object.entries(Object.getOwnPropertyDescriptors(require('node:fs')))`;
  const properties = run(code, 'node:fs') as readonly [string, PropertyDescriptor][];
  t.true(properties.some(([name]) => name === 'promises'));
  t.true(properties.every(([, { get }]) => get !== undefined));
});

test('wrapBundle() loads at once what nothing can stand in for, and packages', (t) => {
  t.notThrows(() => run(`require('node:assert')(true)`, 'node:assert'));
  t.is(run(`return require('node:process')`, 'node:process'), process);
  t.is(typeof run(`return require('yaml').parse`, 'node:fs'), 'function');
});

test('wrapBundle() leaves code strict, and its last line whole', (t) => {
  t.is(run('return this // a comment'), undefined);
});
