import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { annotations } from '@img/spec/annotations';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

const run = promisify(execFile);

// With these of its settings, a checkout has git start programs to compare files, or fetch what is missing.
const startsPrograms = /^(?:filter\..*\.(?:clean|process)|extensions\.partialclone|remote\..*\.promisor)$/i;

/**
 * What git says of the checkout that a folder is in: the commit, with `-dirty` if the folder has changes that are in
 * none, and where the checkout is from. The checkout may be a stranger's: git starts no program for it.
 *
 * @throws BuilderError SOURCE_UNVERSIONED
 */
export async function gitAnnotations(folder: string): Promise<{ readonly [key: string]: string }> {
  const git = async (...args: readonly string[]) => {
    const safe = ['--no-optional-locks', '-c', 'core.fsmonitor=false'];
    const { stdout } = await run('git', [...safe, '-C', folder, ...args], {
      env: withoutGit(process.env),
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim();
  };
  const commit = await git('rev-parse', '--verify', 'HEAD').catch((cause: Error) => {
    throw new BuilderError('SOURCE_UNVERSIONED', `${quote(folder)} is in no git checkout with a commit`, {
      cause,
    });
  });
  const settings = await git('config', '--list', '--show-scope', '--name-only');
  const program = ownSettings(settings).find((name) => startsPrograms.test(name));
  if (program !== undefined) {
    throw new BuilderError(
      'SOURCE_UNVERSIONED',
      `the git checkout of ${quote(folder)} has git start programs, by its setting ${quote(program)}`,
      { hint: 'if you trust it, make the setting your own: git config --global' },
    );
  }
  // What is inside of a submodule has settings of its own; which commit it is at is looked at.
  const changes = await git('status', '--porcelain', '--ignore-submodules=dirty', '--', '.');
  const origin = await git('config', '--get', 'remote.origin.url').catch(() => '');
  const source = sourceOf(origin);
  return {
    [annotations.revision]: changes === '' ? commit : `${commit}-dirty`,
    ...(source === undefined ? {} : { [annotations.source]: source }),
  };
}

// Those that came with the checkout, not those of the user or the system.
function ownSettings(list: string): readonly string[] {
  return list.split('\n').flatMap((line) => {
    const [scope, name = ''] = line.split('\t');
    return scope === 'local' || scope === 'worktree' ? [name] : [];
  });
}

// A hook of git, which may have started this, tells it to look at another checkout.
function withoutGit(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith('GIT_')));
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
