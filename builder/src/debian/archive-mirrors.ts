import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { type AptSource, readAptSources } from './apt-sources.ts';
import { type Mirror, mirrorsOf } from './mirrors.ts';
import type { ArchiveOptions } from './resolution.ts';
import type { SuiteChoice } from './system.ts';

/** Where the suites of a system are; looks the machine's sources up when first asked. */
export type ArchiveMirrors = {
  /** @throws BuilderError SYSTEM_UNKNOWN */
  of(choice: SuiteChoice): Promise<readonly Mirror[]>;
  /** Roots of the mirrors of a suite by name, those that were away last. */
  rootsOf(suite: string): Promise<readonly string[]>;
  /** Tries this one after the others from now on. */
  avoid(root: string): void;
};

export function openMirrors(
  options: Pick<ArchiveOptions, 'system' | 'mirror' | 'aptFolder'>,
): ArchiveMirrors {
  const { system, mirror, aptFolder = '/etc/apt' } = options;
  const avoided = new Set<string>();
  let sources: Promise<readonly AptSource[]> | undefined;
  const of = async (choice: SuiteChoice): Promise<readonly Mirror[]> => {
    sources ??= readAptSources(aptFolder);
    return mirrorsOf(choice, { mirror, sources: await sources });
  };
  return {
    of,
    rootsOf: async (suite) => {
      const choice = system.suites.find((one) => one.suite === suite);
      if (choice === undefined) {
        throw new BuilderError('SYSTEM_UNKNOWN', `${system.name} has no suite ${quote(suite)}`, {
          hint: 'a lock that was made for another os has to be made again',
        });
      }
      const roots = (await of(choice)).map(({ root }) => root);
      return [...roots.filter((root) => !avoided.has(root)), ...roots.filter((root) => avoided.has(root))];
    },
    avoid: (root) => {
      avoided.add(root);
    },
  };
}
