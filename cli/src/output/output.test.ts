import test from 'ava';
import type { Environment } from '../environment.ts';
import { Output, type OutputOptions } from './output.ts';
import { bold } from './text.ts';

function outputOn(
  options: OutputOptions,
  { terminal = false, variables = {} }: { terminal?: boolean; variables?: Environment['variables'] } = {},
) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY: terminal,
    columns: 80,
    rows: 24,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const environment = { variables, homeFolder: '/', workingFolder: '/', isRoot: false };
  const output = new Output({ stdout: stream('stdout'), stderr: stream('stderr') }, environment, options);
  return { output, written };
}

function useAll(output: Output): void {
  output.story('story');
  output.detail('detail');
  output.remark('remark');
  output.warn('careful');
  output.progress({ kind: 'note', text: 'note' });
  output.progress({ kind: 'start', item: 'a', what: 'work' });
  output.progress({ kind: 'done', item: 'a' });
  output.error(['failed']);
  output.result({ a: 1 }, () => [bold('result')]);
  output.end();
}

const table: readonly [name: string, options: OutputOptions, stdout: string, stderr: string][] = [
  ['nothing given', {}, 'result\n', 'story\nwarning: careful\nnote\nfailed\n'],
  ['--quiet', { quiet: true }, 'result\n', 'warning: careful\nfailed\n'],
  [
    '--verbose',
    { verbose: true },
    'result\n',
    'story\ndetail\nremark\nwarning: careful\nnote\nwork: 0.0 s\nfailed\n',
  ],
  [
    '--verbose --no-progress',
    { verbose: true, progress: false },
    'result\n',
    'story\ndetail\nremark\nwarning: careful\nnote\nfailed\n',
  ],
  ['--json', { json: true }, '{\n  "a": 1\n}\n', 'story\nwarning: careful\nnote\nfailed\n'],
];

for (const [name, options, stdout, stderr] of table) {
  test(`Output in a pipe, ${name}`, (t) => {
    const { output, written } = outputOn(options);
    useAll(output);
    t.deepEqual(written, { stdout, stderr });
  });
}

test('Output writes a line per step where CI is set', (t) => {
  const { output, written } = outputOn({}, { variables: { CI: 'true' } });
  useAll(output);
  t.regex(written.stderr, /^work: 0\.0 s$/m);
});

const terminals: readonly [variables: Environment['variables'], isColored: boolean, reason: string][] = [
  [{ TERM: 'xterm' }, true, 'a terminal'],
  [{}, true, 'a terminal that has no name'],
  [{ NO_COLOR: '1' }, false, 'no-color.org'],
  [{ NO_COLOR: '' }, true, 'empty counts as unset'],
  [{ TERM: 'dumb' }, false, 'understands no escapes'],
];

test('Output uses colours on a terminal only', (t) => {
  for (const [variables, isColored, reason] of terminals) {
    const { output, written } = outputOn({}, { terminal: true, variables });
    output.result({}, () => [bold('x')]);
    t.is(written.stdout, isColored ? '\u001b[1mx\u001b[22m\n' : 'x\n', reason);
  }
});

test('Output remarks things on a terminal, unless it should be quiet', (t) => {
  for (const [options, stderr] of [
    [{}, 'remark\n'],
    [{ quiet: true }, ''],
    [{ quiet: true, verbose: true }, ''],
  ] as const) {
    const { output, written } = outputOn(options, { terminal: true });
    output.remark('remark');
    t.is(written.stderr, stderr);
  }
});
