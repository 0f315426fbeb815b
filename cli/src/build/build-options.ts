import type { BuildImageOptions } from '@img/builder/build-image-options';
import type { Host } from '@img/runtime/host';
import { hostPlatform } from '@img/runtime/launch/host-platform';
import { parsePlatform } from '@img/spec/platform';
import { quote } from '@img/spec/quote';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import type { Session } from '../command.ts';
import { openBase } from '../copy/open-base.ts';
import { type Environment, variable } from '../environment.ts';
import { RemoteRepository } from '../host/remote-repository.ts';

/** The part of a build's options that the session and the environment say. */
export type SessionBuildOptions = Omit<BuildImageOptions, 'recipe' | 'folder' | 'lock' | 'target'>;

/** @throws CliError USAGE */
export function buildOptions(
  session: Session,
  host: Host,
  { platform }: { readonly platform?: readonly string[] | undefined },
): SessionBuildOptions {
  const { config, output, signal, environment } = session;
  return {
    cacheFolder: config.cacheFolder,
    platform: hostPlatform(),
    ...(platform === undefined
      ? {}
      : { platforms: platform.map((text) => parseArgument(parsePlatform, text)) }),
    mirror: config.mirror,
    sourceDateEpoch: sourceDateEpoch(environment),
    now: new Date(),
    openBase: openBase(session, host),
    openKept: (repository) => {
      const location = { registry: config.registries.default, repository };
      // What it has saves work, and is not waited for.
      const place = new RemoteRepository(session, location, { retry: { attempts: 2, firstPauseMs: 100 } });
      return { place, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
    },
    npmRegistry: variable(environment, 'npm_config_registry') ?? variable(environment, 'NPM_CONFIG_REGISTRY'),
    pythonIndex: variable(environment, 'PIP_INDEX_URL'),
    onProgress: output.progress,
    signal,
  };
}

/** reproducible-builds.org, SOURCE_DATE_EPOCH. */
function sourceDateEpoch(environment: Environment): number | undefined {
  const text = variable(environment, 'SOURCE_DATE_EPOCH');
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new CliError('USAGE', `SOURCE_DATE_EPOCH should be seconds since 1970, not ${quote(text)}`);
}
