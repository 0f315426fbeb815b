import { RegistryError } from '@img/registry/registry-error';
import { SpecError } from '@img/spec/spec-error';
import type { BuildImageOptions } from '../build-image-options.ts';
import { BuilderError } from '../builder-error.ts';
import { packagePath } from '../debian/fetch-packages.ts';
import type { PackageSource } from '../image/os-layers.ts';
import type { KeptPackages } from './kept-packages.ts';

export type KeptSourceOptions = Pick<BuildImageOptions, 'cacheFolder' | 'isFresh' | 'onProgress'> & {
  /** Whether the packages themselves are kept. */
  readonly hasPackages: boolean;
};

/**
 * Packages from an archive, with what is kept of them: layers are taken from there instead of being made, unless all
 * are to be made again, and packages if the archive has them no more.
 */
export function keptSource(
  source: PackageSource,
  kept: KeptPackages,
  { cacheFolder, isFresh, onProgress, hasPackages }: KeptSourceOptions,
): PackageSource {
  return {
    resolve: source.resolve,
    fetch: async (packages) => {
      try {
        return await source.fetch(packages);
      } catch (error) {
        if (!hasPackages || !isMissing(error)) throw error;
        await kept.fetch(packages, (wanted) => packagePath(cacheFolder, wanted));
        return await source.fetch(packages);
      }
    },
    restore: async (packages) => {
      if (isFresh === true) return undefined;
      try {
        return await kept.layers(packages);
      } catch (error) {
        // Whatever is wrong there, the archive may have all that is needed.
        if (!isCoded(error)) throw error;
        // An image that was never pushed has nothing there; only --keep says that it has.
        if (hasPackages || !isNotThere(error)) {
          onProgress?.({ kind: 'note', text: `layers are made anew, because ${error.message}` });
        }
        return undefined;
      }
    },
  };
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof BuilderError)) return false;
  return error.code === 'ARCHIVE_NOT_FOUND' || error.code === 'ARCHIVE_UNREACHABLE';
}

function isNotThere({ code }: BuilderError | RegistryError | SpecError): boolean {
  return code === 'CONTENT_MISSING' || code === 'REGISTRY_UNREACHABLE';
}

function isCoded(error: unknown): error is BuilderError | RegistryError | SpecError {
  return error instanceof BuilderError || error instanceof RegistryError || error instanceof SpecError;
}
