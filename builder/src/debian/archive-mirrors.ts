import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { type AptSource, readAptSources } from './apt-sources.ts';
import { type Mirror, mirrorsOf } from './mirrors.ts';
import type { DebianPackage } from './package.ts';
import type { ArchiveOptions } from './resolution.ts';
import type { SuiteChoice } from './system.ts';

/** Where the suites of a system are; looks the machine's sources up when first asked. */
export type ArchiveMirrors = {
  /**
   * @param architecture of the packages, or `all`
   * @throws BuilderError SYSTEM_UNKNOWN
   */
  of(choice: SuiteChoice, architecture: string): Promise<readonly Mirror[]>;
  /** Roots of the mirrors that have a package; those that failed last. */
  rootsOf(wanted: Pick<DebianPackage, 'suite' | 'architecture'>): Promise<readonly string[]>;
  /** Tries this one after the others from now on. */
  avoid(root: string): void;
};

export function openMirrors(
  options: Pick<ArchiveOptions, 'system' | 'mirror' | 'debianMirror' | 'aptFolder'>,
): ArchiveMirrors {
  const { system, mirror, debianMirror, aptFolder = '/etc/apt' } = options;
  const avoided = new Set<string>();
  let sources: Promise<readonly AptSource[]> | undefined;
  const of = async (choice: SuiteChoice, architecture: string): Promise<readonly Mirror[]> => {
    sources ??= readAptSources(aptFolder);
    return mirrorsOf(choice, { mirror, debianMirror, sources: await sources, architecture });
  };
  return {
    of,
    rootsOf: async ({ suite, architecture }) => {
      const choice = system.suites.find((one) => one.suite === suite);
      if (choice === undefined) {
        throw new BuilderError('SYSTEM_UNKNOWN', `${system.name} has no suite ${quote(suite)}`, {
          hint: 'a lock that was made for another os has to be made again',
        });
      }
      const roots = (await of(choice, architecture)).map(({ root }) => root);
      return [...roots.filter((root) => !avoided.has(root)), ...roots.filter((root) => avoided.has(root))];
    },
    avoid: (root) => {
      avoided.add(root);
    },
  };
}
