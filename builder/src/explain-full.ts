import { quote } from '@img/spec/quote';
import { BuilderError } from './builder-error.ts';

/**
 * Runs a build and says so if the disk is full, or the user's share of it.
 *
 * @param path what is built
 * @throws BuilderError STORE_FULL, or whatever the build throws
 */
export async function explainFull<Result>(path: string, build: () => Promise<Result>): Promise<Result> {
  try {
    return await build();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause;
    throw new BuilderError('STORE_FULL', `no space is left to build ${quote(path)}`, {
      cause,
      hint: 'remove images that are not needed (img rm), or make the disk larger',
    });
  }
}
