import { RegistryError } from '@img/registry/registry-error';
import { RuntimeError } from '@img/runtime/runtime-error';
import { SignError } from '@img/sign/sign-error';
import { SpecError } from '@img/spec/spec-error';
import test from 'ava';
import { CliError } from './cli-error.ts';
import { exitCodeHelp, exitCodeOf, exitCodes } from './exit-code.ts';

const table: readonly [error: unknown, code: number, reason: string][] = [
  [new CliError('USAGE', ''), 2, 'typed wrongly'],
  [new CliError('CONFIG_INVALID', ''), 2, 'configured wrongly'],
  [new RuntimeError('NOT_TRUSTED', ''), 3, 'not trusted'],
  [new RuntimeError('IMAGE_DAMAGED', ''), 3, 'changed after it was fetched'],
  [
    new RuntimeError('TRUST_MEMORY_INVALID', ''),
    3,
    'what was accepted before was changed, so nothing can be',
  ],
  [new RuntimeError('TRUST_POLICY_INVALID', ''), 2, 'a file that people write, written wrongly'],
  [new SignError('POLICY_INVALID', ''), 2, 'a rule that nobody can meet, typed or written'],
  [new SignError('POLICY_CONFLICT', ''), 2, 'two such files that contradict each other'],
  [new CliError('KEY_UNKNOWN', ''), 4, 'not found'],
  [new RegistryError('REFERENCE_UNKNOWN', ''), 4, 'not found'],
  [new RegistryError('ACCESS_DENIED', ''), 5, 'the registry refused'],
  [new RegistryError('REGISTRY_UNREACHABLE', ''), 1, 'failed'],
  [new SpecError('MANIFEST_INVALID', ''), 1, 'content from outside is no wrong usage'],
  [new Error('x'), 1, 'unexpected'],
  ['x', 1, 'not even an error'],
];

test('exitCodeOf() tells programs what kind of failure it was', (t) => {
  for (const [error, code, reason] of table) t.is(exitCodeOf(error), code as 1, reason);
});

test('exitCodeHelp names every code', (t) => {
  t.deepEqual(
    exitCodeHelp.map(([code]) => code),
    Object.values(exitCodes),
  );
});
