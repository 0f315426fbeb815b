import { rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { command } from './command.ts';
import type { Missing } from './missing.ts';
import { say } from './say.ts';

type GoProgram = {
  /** What the tests call it. */
  readonly name: string;
  readonly package: string;
  readonly version: string;
  /** Whether it is compiled however long that takes: where there is Go, tests fail without it. */
  readonly isDemanded: boolean;
};

/** The demanded ones come first, and among the others those that take long come last. */
const programs: readonly GoProgram[] = [
  ...[
    { name: 'crane', package: 'github.com/google/go-containerregistry/cmd/crane', version: 'v0.22.1' },
    { name: 'oras', package: 'oras.land/oras/cmd/oras', version: 'v1.3.6' },
    // Newer ones need a newer Go.
    { name: 'spicy', package: 'filippo.io/torchwood/cmd/spicy', version: 'v0.9.0' },
    { name: 'litewitness', package: 'filippo.io/torchwood/cmd/litewitness', version: 'v0.9.0' },
    { name: 'cosign', package: 'github.com/sigstore/cosign/v3/cmd/cosign', version: 'v3.1.2' },
    { name: 'cosign-v2', package: 'github.com/sigstore/cosign/v2/cmd/cosign', version: 'v2.6.4' },
    // For the soak, which needs one object storage.
    { name: 'versitygw', package: 'github.com/versity/versitygw/cmd/versitygw', version: 'v1.8.0' },
  ].map((program) => ({ ...program, isDemanded: true })),
  ...[
    {
      name: 'conformance',
      package: 'github.com/opencontainers/distribution-spec/conformance',
      // The suite has no tags; this is the commit of 31 August 2026.
      version: 'v0.0.0-20260831232431-97274622c111',
    },
    {
      name: 'minio',
      package: 'github.com/minio/minio',
      // Its tags are no versions for Go; this is the last commit before the project ended.
      version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    },
  ].map((program) => ({ ...program, isDemanded: false })),
];

// A module proxy doesn't always answer; what was loaded and compiled is kept from one try to the next.
const tries = 3;

/**
 * Compiles those programs that are not in the folder in the right version. Nothing of it is demanded without Go.
 *
 * @param minutes after which no further program is begun that isn't demanded; each takes up to five on two processors
 */
export async function installGoPrograms(folder: string, minutes: number): Promise<readonly Missing[]> {
  const go = await command('go', ['version']);
  if (!go.isDone) {
    const reason = 'no distribution packages it, and there is no Go here to compile it';
    return programs.map(({ name }) => ({ name, reason, isRequired: false }));
  }
  const missing: Missing[] = [];
  const lastStart = performance.now() + minutes * 60_000;
  // One after the other: each is compiled by all processors, and they share most of their packages.
  for (const program of programs) {
    if (await isPresent(program, folder)) {
      say(`${program.name} ${program.version} is there`);
      continue;
    }
    if (!program.isDemanded && performance.now() > lastStart) {
      const reason = `the ${minutes} minutes of IMG_TOOLS_MINUTES are over`;
      missing.push({ name: program.name, reason, isRequired: false });
      continue;
    }
    say(`compiling ${program.name}: go install ${program.package}@${program.version}`);
    const startedAt = performance.now();
    const reason = await compileInTries(program, folder);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    if (reason === undefined) say(`${program.name} took ${seconds} s`);
    else missing.push({ name: program.name, reason, isRequired: program.isDemanded });
  }
  return missing;
}

/** Returns why it failed the last time. */
async function compileInTries(program: GoProgram, folder: string): Promise<string | undefined> {
  let reason: string | undefined;
  for (let left = tries; left > 0; left -= 1) {
    reason = await compile(program, folder);
    if (reason === undefined) return undefined;
    say(`${program.name} failed, ${left - 1} tries left: ${reason}`);
  }
  return reason;
}

async function isPresent(program: GoProgram, folder: string): Promise<boolean> {
  const built = await command('go', ['version', '-m', join(folder, program.name)]);
  if (!built.isDone) return false;
  const lines = built.stdout.split('\n').map((line) => line.trim().split('\t'));
  return (
    lines.some(([key, value]) => key === 'path' && value === program.package) &&
    lines.some(([key, , version]) => key === 'mod' && version === program.version)
  );
}

/** Returns why it failed. */
async function compile(program: GoProgram, folder: string): Promise<string | undefined> {
  const output = join(folder, '.compiled');
  try {
    // A run that was killed may have left it.
    await rm(output, { recursive: true, force: true });
    // Without tables for debuggers there is less to compile and to link.
    const flags = ['-gcflags=all=-dwarf=false', '-ldflags=-s -w'];
    const result = await command('go', ['install', ...flags, `${program.package}@${program.version}`], {
      GOBIN: output,
      CGO_ENABLED: '0',
    });
    if (!result.isDone) return result.reason;
    await rename(join(output, basename(program.package)), join(folder, program.name));
    return undefined;
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}
