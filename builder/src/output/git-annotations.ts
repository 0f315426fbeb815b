import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { annotations } from '@img/spec/annotations';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

const run = promisify(execFile);

/**
 * What git says of the checkout that a folder is in: the commit, with `-dirty` if the folder has changes that are in
 * none, and where the checkout is from.
 *
 * @throws BuilderError SOURCE_UNVERSIONED
 */
export async function gitAnnotations(folder: string): Promise<{ readonly [key: string]: string }> {
  const git = async (...args: readonly string[]) => {
    // The folder may be a stranger's, whose settings name a program for this.
    const safe = ['--no-optional-locks', '-c', 'core.fsmonitor=false'];
    const { stdout } = await run('git', [...safe, '-C', folder, ...args], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim();
  };
  const commit = await git('rev-parse', '--verify', 'HEAD').catch((cause: Error) => {
    throw new BuilderError('SOURCE_UNVERSIONED', `${quote(folder)} is in no git checkout with a commit`, {
      cause,
    });
  });
  const changes = await git('status', '--porcelain', '--', '.');
  const origin = await git('config', '--get', 'remote.origin.url').catch(() => '');
  const source = sourceOf(origin);
  return {
    [annotations.revision]: changes === '' ? commit : `${commit}-dirty`,
    ...(source === undefined ? {} : { [annotations.source]: source }),
  };
}

/** The address without a password, in the form that a browser takes; undefined for what is no address. */
function sourceOf(origin: string): string | undefined {
  const [, host, path] = /^(?:[\w.-]+@)?([\w.-]+):(?!\/\/)(.+)$/.exec(origin) ?? [];
  const url = URL.parse(host === undefined ? origin : `https://${host}/${path}`);
  if (url === null || !/^(?:https?|ssh|git):$/.test(url.protocol)) return undefined;
  url.username = '';
  url.password = '';
  return url.href;
}
