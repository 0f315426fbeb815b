import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ExecutionContext } from 'ava';

/** Where programs are that `npm run tools` installs. */
export const toolsFolder = resolve(
  process.env['IMG_TOOLS_DIR'] ?? join(import.meta.dirname, '../../../.tools/bin'),
);

const systemFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export type NeedOptions = {
  /** For a program that no distribution packages: where it is missing, the test says so, and never fails. */
  readonly isOptional?: boolean;
};

/**
 * Whether a test that needs root can run. If not, says so in the test's log, or fails it where nothing may be left
 * out (IMG_REQUIRE_TOOLS=1).
 */
export function needsRoot(t: ExecutionContext): boolean {
  return isMet(t, process.geteuid?.() === 0, 'root');
}

/** Whether a program is installed; like {@link needsRoot}. */
export function needsTool(t: ExecutionContext, name: string, options: NeedOptions = {}): boolean {
  return isMet(t, findProgram(name) !== undefined, `${name}, which npm run tools installs`, options);
}

/** Whether a file is there that a package brings; like {@link needsRoot}. */
export function needsFile(t: ExecutionContext, path: string, debianPackage: string): boolean {
  return isMet(t, existsSync(path), `${path} (Debian package ${debianPackage})`);
}

/** Whether the machine can do something that nobody can install; where it can't, the test says so, and never fails. */
export function needsAbility(t: ExecutionContext, isAble: boolean, ability: string): boolean {
  return isMet(t, isAble, ability, { isOptional: true });
}

/**
 * For a program that `npm run tools` has Go compile in any case: demanded like all others where there is Go, and said to
 * be missing where there is none.
 */
export function compiledByGo(): NeedOptions {
  return { isOptional: findProgram('go') === undefined };
}

/** Where a program is that was installed for the tests, or is in PATH or a folder of the system. */
export function findProgram(name: string): string | undefined {
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/'));
  return [toolsFolder, ...path, ...systemFolders].map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function isMet(
  t: ExecutionContext,
  condition: boolean,
  need: string,
  { isOptional = false }: NeedOptions = {},
): boolean {
  if (condition) return true;
  if (process.env['IMG_REQUIRE_TOOLS'] === '1' && !isOptional) {
    t.fail(`needs ${need}; IMG_REQUIRE_TOOLS=1 leaves nothing out`);
  } else {
    t.log(`NOT TESTED: needs ${need}`);
    t.pass();
  }
  return false;
}
