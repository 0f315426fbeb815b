import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Instance, newInstance } from '@img/cli/testing/run-img';
import { testDocument, testRule } from '@img/sign/testing/test-policy';
import { encodeTrustDocument } from '@img/sign/trust-document';
import type { TrustRule } from '@img/sign/trust-rule';
import type { ExecutionContext } from 'ava';
import { withVariables } from './instance.ts';

/** A machine with an empty store whose commands ask one registry, made without running any. */
export type TestHost = Instance & {
  readonly root: string;
  readonly runFolder: string;
  /** Where its commands put temporary files. */
  readonly temporary: string;
  /** Whom it trusts, in one document. */
  readonly trustDocument: string;
};

/** Alice is enough for everything. */
export const aliceRule = testRule('com.example.', 1, ['alice']);

/**
 * Makes a host that knows the test identities Alice, Bob, Carol and Dave.
 *
 * @param rules who may sign what; Alice everything unless given
 */
export async function newTestHost(
  t: ExecutionContext,
  registry: string,
  rules: readonly TrustRule[] = [aliceRule],
): Promise<TestHost> {
  const base = await newInstance(t);
  const temporary = join(base.folder, 'tmp');
  await mkdir(temporary);
  const instance = withVariables(base, { IMG_REGISTRY: registry, TMPDIR: temporary });
  const trustDocument = join(base.folder, 'config/trust.d/test.json');
  await writeRules(trustDocument, rules);
  const [root, runFolder] = [join(base.folder, 'root'), join(base.folder, 'run')];
  return { ...instance, root, runFolder, temporary, trustDocument };
}

/** Lets a host trust by other rules from now on. */
export async function writeRules(trustDocument: string, rules: readonly TrustRule[]): Promise<void> {
  await mkdir(join(trustDocument, '..'), { recursive: true });
  await writeFile(trustDocument, encodeTrustDocument(testDocument(...rules)));
}
