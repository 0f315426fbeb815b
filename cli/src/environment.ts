import { homedir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { isInOwnNamespace } from '@img/runtime/linux/user-namespace';

/** What the process was started with. Read once at the start and handed down, so that nothing below reads it. */
export type Environment = {
  readonly variables: { readonly [name: string]: string | undefined };
  readonly homeFolder: string;
  readonly workingFolder: string;
  /** Whether the process may do everything on this host; not whoever is root in a user namespace of their own. */
  readonly isRoot: boolean;
};

/** @param findHome tells what HOME is, or else the account; throws where there is neither */
export function currentEnvironment(findHome: () => string = homedir): Environment {
  return {
    variables: process.env,
    homeFolder: homeFolder(findHome),
    workingFolder: process.cwd(),
    isRoot: process.getuid?.() === 0 && !isInOwnNamespace(),
  };
}

// A number without an account has the home that login(1) and container runtimes give it.
function homeFolder(find: () => string): string {
  try {
    return find();
  } catch {
    return '/';
  }
}

/** The variable's text; undefined if it is unset or empty, which the XDG and NO_COLOR conventions treat alike. */
export function variable({ variables }: Environment, name: string): string | undefined {
  return variables[name] || undefined;
}

/** A folder of the XDG base directories, which must be absolute to count, or its default, from the home folder on. */
export function xdgFolder(environment: Environment, name: string, fallback: string): string {
  const folder = variable(environment, name);
  return folder !== undefined && isAbsolute(folder) ? folder : resolve(environment.homeFolder, fallback);
}
