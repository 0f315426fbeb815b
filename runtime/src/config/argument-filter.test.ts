import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { needsAbility, needsRoot } from '@img/sign/testing/needs';
import test, { type ExecutionContext } from 'ava';
import { argumentFilter } from './argument-filter.ts';
import { systemCallFilter } from './seccomp.ts';

const here = { x64: 'amd64', arm64: 'arm64', riscv64: 'riscv64' }[process.arch as string] ?? '';

// Each call and what the kernel answers, in a process that has the filter.
const script = `
const { argumentFilter } = await import(process.argv[1]);
const { systemCallFilter } = await import(process.argv[2]);
const { filterSystemCalls } = await import(process.argv[3]);
const { systemCall } = await import(process.argv[4]);
const socket = systemCall('socket', ['int', 'int', 'int']);
const personality = systemCall('personality', ['unsigned long']);
filterSystemCalls(argumentFilter(systemCallFilter(process.argv[5], process.argv[6])));
const tries = [...[1, 2, 10, 16, 17, 38, 40, 30].map((family) => ['socket ' + family, () => socket(family, 2, 0)]),
  ...[0xffffffff, 0x0, 0x20000, 0x4000000].map((value) => ['personality ' + value, () => personality(value)])];
for (const [name, call] of tries) {
  try {
    call();
    console.log(name, 'allowed');
  } catch (error) {
    console.log(name, error.cause.code);
  }
}`;

async function answers(t: ExecutionContext, which: 'usual' | 'few'): Promise<readonly string[]> {
  const modules = [
    './argument-filter.ts',
    './seccomp.ts',
    '../linux/filter-system-calls.ts',
    '../linux/system-call.ts',
  ];
  const urls = modules.map((path) => new URL(path, import.meta.url).href);
  const words = ['--input-type=module', '--eval', script, ...urls, here, which];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  t.log(which);
  return stdout.trim().split('\n');
}

test('argumentFilter() makes a filter that the kernel takes, and that tells calls apart by their arguments', async (t) => {
  if (!needsRoot(t) || !needsAbility(t, here !== '', 'an architecture with a filter')) return;
  const sockets = [
    ...['socket 1 allowed', 'socket 2 allowed', 'socket 10 allowed', 'socket 16 allowed'],
    ...['socket 17 EAFNOSUPPORT', 'socket 38 EAFNOSUPPORT', 'socket 40 EAFNOSUPPORT', 'socket 30 ENOSYS'],
    ...['personality 4294967295 allowed', 'personality 0 allowed'],
  ];
  t.deepEqual(await answers(t, 'usual'), [
    ...sockets,
    'personality 131072 allowed',
    'personality 67108864 ENOSYS',
  ]);
  t.deepEqual(await answers(t, 'few'), [
    ...sockets,
    'personality 131072 ENOSYS',
    'personality 67108864 ENOSYS',
  ]);
});

test('argumentFilter() has one for each architecture that has a list of calls, and none for others', (t) => {
  for (const architecture of ['amd64', 'arm64', 'riscv64']) {
    const program = argumentFilter(systemCallFilter(architecture, 'usual'));
    t.deepEqual(
      program?.at(-1),
      [0x06, 0, 0, 0x7fff_0000],
      `${architecture}: what nothing refuses is allowed`,
    );
  }
  t.is(
    argumentFilter({ ...systemCallFilter('amd64', 'usual'), architectures: ['SCMP_ARCH_S390X'] }),
    undefined,
  );
});
