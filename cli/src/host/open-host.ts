import { Host } from '@img/runtime/host';
import { type TreeMethod, treeMethods } from '@img/runtime/tree/tree';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import type { Session } from '../command.ts';
import { type Environment, variable } from '../environment.ts';

/**
 * What this host has, after what is left of containers whose commands were killed has been ended and removed. Close
 * it, or bind it with `await using`.
 */
export async function openHost({
  config,
  environment,
  output,
  signal,
}: Pick<Session, 'config' | 'environment' | 'output' | 'signal'>): Promise<Host> {
  const treeMethod = treeMethodOf(environment);
  const host = new Host(
    {
      store: config.rootFolder,
      run: config.runFolder,
      trust: config.trustFolders,
      networks: config.networkFolder,
    },
    treeMethod === undefined ? {} : { treeMethod },
  );
  const { swept, stuck } = await host.sweepContainers({ signal });
  output.detail(...swept.map((id) => `removed what was left of container ${id}`));
  output.story(...stuck.map(({ message }) => message));
  return host;
}

/** What the tests ask for, and who looks for a fault: `IMG_TREE` takes the choice from this host. */
function treeMethodOf(environment: Environment): TreeMethod | undefined {
  const text = variable(environment, 'IMG_TREE');
  const method = treeMethods.find((known) => known === text);
  if (text === undefined || method !== undefined) return method;
  throw new CliError('CONFIG_INVALID', `IMG_TREE should be ${treeMethods.join(', ')}, not ${quote(text)}`);
}
