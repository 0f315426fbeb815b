import type { ExecutionContext } from 'ava';
import { admin } from './test-registry.ts';
import { findTool } from './tools.ts';

/** Runs the official conformance suite: nothing may fail, be skipped or disabled unless variables say so. */
export async function passConformance(
  t: ExecutionContext,
  host: string,
  folder: string,
  variables: NodeJS.ProcessEnv = {},
): Promise<void> {
  const conformance = await findTool(t, 'conformance', { isOptional: true });
  if (conformance === undefined) return;
  const { status, stdout } = await conformance([], {
    OCI_REGISTRY: host,
    OCI_TLS: 'disabled',
    OCI_VERSION: 'dev',
    OCI_DATA_SPARSE: 'true',
    OCI_API_BLOBS_MOUNT_ANONYMOUS: 'true',
    OCI_USERNAME: admin.name,
    OCI_PASSWORD: admin.password,
    OCI_RESULTS_DIR: folder,
    ...variables,
  });
  t.is(status, 0, failures(stdout));
  const count = (label: string) => Number(new RegExp(`^ +${label}\\.+: +(\\d+)$`, 'm').exec(stdout)?.[1]);
  for (const label of ['Disabled', 'Skip', 'FAIL', 'Error']) t.is(count(label), 0, label);
  t.true(count('Pass') > 1000);
  t.is(count('Pass'), count('Total'));
}

/** The lines that say what was wrong. */
function failures(stdout: string): string {
  const lines = stdout.split('\n').filter((line) => /^ +- /.test(line));
  return [...new Set(lines.map((line) => line.trim()))].slice(0, 10).join('\n');
}
