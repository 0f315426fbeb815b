import { posix } from 'node:path';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { ImageTree } from '../image/image-tree.ts';
import { defaultPath } from '../image/merge-execution.ts';
import { lookUpProgram } from '../image/program.ts';
import type { AppContext } from './app-plan.ts';
import type { MarkerEnvironment } from './marker.ts';
import type { PythonHost } from './wheel-tags.ts';

/** The interpreter of an image. */
export type FoundPython = PythonHost & {
  /** Absolute; a name that stays when its version changes. */
  readonly path: string;
};

const machines: ReadonlyMap<string, string> = new Map([
  ['386', 'i686'],
  ['amd64', 'x86_64'],
  ['arm', 'armv7l'],
  ['arm64', 'aarch64'],
]);

/** What every system has that people still build images of. */
const oldestGlibc = { kind: 'glibc', major: 2, minor: 28 } as const;
const oldestMusl = { kind: 'musl', major: 1, minor: 2 } as const;

/** @throws BuilderError PROGRAM_MISSING */
export function findPython({ platform, run, versionOf }: AppContext, tree: ImageTree): FoundPython {
  const path = run.env.get('PATH') ?? defaultPath;
  const real = lookUpProgram(tree, { program: 'python3', workingDir: '/', path });
  const [, python] = /^python(3\.\d+)$/.exec(posix.basename(real ?? '')) ?? [];
  if (real === undefined || python === undefined) {
    throw new BuilderError(
      'PROGRAM_MISSING',
      '"python3" is not in the image, and requirements.txt needs it',
      {
        hint: 'add python3 to packages',
      },
    );
  }
  const isMusl = tree.namesIn('lib').some((name) => name.startsWith('ld-musl-'));
  return {
    python,
    machine: machines.get(platform.architecture) ?? platform.architecture,
    libc: isMusl ? oldestMusl : glibcOf(versionOf('libc6')),
    path: `/${posix.dirname(real)}/python3`,
  };
}

/** The version of glibc by that of its package, `2.41-12`. */
function glibcOf(version: string | undefined): PythonHost['libc'] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  if (version === undefined) return oldestGlibc;
  if (major === undefined) throw new Error(`libc6 can't have the version ${quote(version)}`);
  return { kind: 'glibc', major: Number(major), minor: Number(minor) };
}

/** What conditions of requirements ask for (PEP 508, "Environment Markers"). */
export function markerEnvironment({ python, machine }: PythonHost): MarkerEnvironment {
  return new Map([
    ['extra', ''],
    ['implementation_name', 'cpython'],
    ['os_name', 'posix'],
    ['platform_machine', machine],
    ['platform_python_implementation', 'CPython'],
    ['platform_system', 'Linux'],
    ['python_full_version', `${python}.0`],
    ['python_version', python],
    ['sys_platform', 'linux'],
  ]);
}
