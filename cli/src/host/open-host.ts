import { Host } from '@img/runtime/host';
import type { Session } from '../command.ts';

/**
 * What this host has, after what is left of containers whose commands were killed has been ended and removed. Close
 * it, or bind it with `await using`.
 */
export async function openHost({
  config,
  output,
  signal,
}: Pick<Session, 'config' | 'output' | 'signal'>): Promise<Host> {
  const host = new Host({ store: config.rootFolder, run: config.runFolder, trust: config.trustFolders });
  const { swept, stuck } = await host.state.sweep({ signal });
  output.detail(...swept.map((id) => `removed what was left of container ${id}`));
  output.story(...stuck.map(({ message }) => message));
  return host;
}
