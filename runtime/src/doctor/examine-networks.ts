import { findPlugins } from '../network/find-plugins.ts';
import { readNetworkList } from '../network/network-list.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { Finding } from './finding.ts';

export type NetworkFolders = {
  /** Where the administrator describes networks. */
  readonly networkFolder: string;
  readonly runFolder: string;
};

const subject = 'network bridge';

/** Whether the network bridge can be made here. */
export function networkFinding(
  { networkFolder, runFolder }: NetworkFolders,
  pluginFolders?: readonly string[],
): Finding {
  try {
    const list = readNetworkList(networkFolder, runFolder);
    const { folder } = findPlugins(list, pluginFolders);
    const names = list.plugins.map(({ type }) => type).join(', ');
    return { subject, verdict: 'good', text: `${list.name}, made by ${names} of ${folder}` };
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    const { message, hint = 'without it, apps have no network, or that of the host' } = error;
    return { subject, verdict: 'limited', text: `can't be made: ${message}`, hint };
  }
}
