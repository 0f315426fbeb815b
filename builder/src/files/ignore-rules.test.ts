import test from 'ava';
import fc from 'fast-check';
import { compileGlob } from './glob.ts';
import { parseIgnoreRules } from './ignore-rules.ts';

const ignores = (lines: string, path: string) => parseIgnoreRules(lines, '.imgignore').ignores(path);

// What Docker's matcher answers, for a pattern alone and a path that it is held against.
const globs: readonly [pattern: string, path: string, expected: boolean | undefined][] = [
  ['abc', 'abc', true],
  ['abc', 'abcd', false],
  ['abc/def', 'abc/def', true],
  ['abc/def', 'def', false],
  ['*', 'abc', true],
  ['*', 'a/b', false],
  ['*c', 'abc', true],
  ['a*', 'a', true],
  ['a*', 'abc', true],
  ['a*/b', 'abc/b', true],
  ['a*/b', 'a/c/b', false],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzy', false],
  ['abc?def', 'abcZdef', true],
  ['abc?def', 'abc/def', false],
  ['a?b', 'a☺b', true],
  ['a?b', 'a😀b', true],
  ['a???b', 'a☺b', false],
  ['abc.def', 'abcZdef', false],
  ['a.|)$(}+{bc', 'a.|)$(}+{bc', true],
  ['ab[b-d]', 'abc', true],
  ['ab[e-g]', 'abc', false],
  ['ab[^b-d]', 'abc', false],
  ['ab[^e-g]', 'abc', true],
  ['a[^a]b', 'a☺b', true],
  ['a[^a]b', 'a/b', false],
  ['[a-ζ]*', 'α', true],
  ['*[a-ζ]', 'A', false],
  ['[\\]a]', ']', true],
  ['[x\\-]', '-', true],
  ['[x\\-]', 'z', false],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'axb', false],
  ['**', 'dir/file', true],
  ['dir/**', 'dir/dir2/file', true],
  ['abc/**', 'abc', false],
  ['**/dir', 'dir', true],
  ['**/dir', 'a/dir', true],
  ['**/.foo', 'bar.foo', false],
  ['**file', 'dir/myfile', true],
  ['**/file*.txt*', 'dir/dir/file.txt', true],
  ['**/*.txt', 'dir/dir/file.txt', true],
  ['**/*.txt', '.txt', true],
  ['**/*.txt', 'file.txt/other', false],
  ['**/**/*.txt', 'file.txt', true],
  ['**/**/*.txt2', 'dir/file.txt', false],
  ['a**/*.txt', 'a/dir/dir/file.txt', true],
  ['a/*.txt**', 'a/file.txt', true],
  ['**/dir2/**', 'dir/dir2/dir3/file', true],
  ['[', 'a', undefined],
  ['[^', 'a', undefined],
  ['[^bc', 'a', undefined],
  ['[]a]', ']', undefined],
  ['[-]', '-', undefined],
  ['[x-]', 'x', undefined],
  ['[-x]', 'x', undefined],
  ['[a-b-c]', 'a', undefined],
  ['\\', 'a', undefined],
  ['a[', 'a', undefined],
];

for (const [pattern, path, expected] of globs) {
  test(`compileGlob() ${pattern} and ${path}`, (t) => t.is(compileGlob(pattern)?.(path), expected));
}

const rules: readonly [lines: string, path: string, expected: boolean, why: string][] = [
  ['docs', 'docs/a/b', true, 'a folder takes along what is in it'],
  ['docs/', 'docs/a', true, 'a slash at the end means nothing'],
  ['/docs', 'docs/a', true, 'a slash at the beginning means nothing'],
  ['./a/../docs', 'docs/a', true, 'patterns are normalised'],
  ['docs\n!docs/README.md', 'docs/README.md', false, 'an exception takes back in'],
  ['docs\n!docs/README.md', 'docs/other.md', true, 'and nothing else'],
  ['!a.go\n*.go', 'a.go', true, 'the last line that fits decides'],
  ['*.go\n!a.go', 'a.go', false, 'the last line that fits decides, the other way round'],
  ['**\n!util/web', 'util/web/foo', false, 'an exception for a folder takes back what is in it'],
  ['**\n!util/web\nutil/web/foo', 'util/web/foo', true, 'three lines'],
  ['# comment\n  *.log  \r\n', 'a.log', true, 'comments, spaces and carriage returns'],
  [' # no comment', '# no comment', true, "a comment begins at the line's first character"],
  ['\ufeff*.log', 'a.log', true, 'a byte order mark'],
  ['! a', 'a', false, 'an exception with a space'],
  ['*.log', 'a/b.log', false, 'a star does not cross folders'],
  ['', 'img.yaml', true, 'the recipe itself'],
  ['', 'deep/.git/config', true, 'version control'],
  ['', 'deep/img.yaml', false, 'only the recipe of this folder'],
  ['!**/.git', '.git/config', false, 'defaults can be taken back in'],
];

for (const [lines, path, expected, why] of rules) {
  test(`parseIgnoreRules(): ${why}`, (t) => t.is(ignores(lines, path), expected));
}

for (const line of ['!', 'a[', '!['])
  test(`parseIgnoreRules() refuses ${line} and says where it is`, (t) => {
    t.throws(() => ignores(`ok\n${line}`, 'a'), {
      code: 'RECIPE_INVALID',
      message: /^\.imgignore:2:1: malformed/,
    });
  });

test('compileGlob() agrees with a regular expression that says the same', (t) => {
  const piece = fc.constantFrom('a', 'b', '/', '*', '?', '[ab]', '[^a]');
  const pattern = fc
    .array(piece, { minLength: 1, maxLength: 8 })
    .map((pieces) => pieces.join('').replace(/\*+/g, '*'));
  const path = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '/'), maxLength: 10 });
  fc.assert(
    fc.property(pattern, path, (glob, text) => {
      const source = glob.replaceAll('?', '[^/]').replaceAll('*', '[^/]*').replaceAll('[^a]', '[^a/]');
      t.is(compileGlob(glob)?.(text), new RegExp(`^${source}$`).test(text), `${glob} ${text}`);
    }),
    { numRuns: 2000 },
  );
});

test('compileGlob() takes no longer on patterns that make regular expressions explode', (t) => {
  t.false(compileGlob(`${'**/a'.repeat(30)}b`)?.('a/'.repeat(500)) ?? true);
  t.false(compileGlob(`${'*a'.repeat(50)}b`)?.('a'.repeat(2000)) ?? true);
});
