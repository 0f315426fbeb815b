import { lstatSync, statSync } from 'node:fs';
import { makeFolder } from '@img/registry/storage/make-folder';
import {
  enterUserNamespace,
  joinUserNamespace,
  type NamespaceRequest,
  userNamespaceObstacle,
} from '@img/runtime/launch/user-namespace';
import { RuntimeError } from '@img/runtime/runtime-error';
import type { RunningContainer } from '@img/runtime/state/container';
import { loadTrustPolicy } from '@img/runtime/trust/load-trust-policy';
import { quote } from '@img/spec/quote';
import type { Session } from '../command.ts';
import { openHost } from './open-host.ts';

export type NamespaceOptions = {
  /** Whether the command can't do without one. */
  readonly isNeeded?: boolean;
  /** Whether it asks whom the host trusts; so unless told otherwise. */
  readonly isJudging?: boolean;
};

/**
 * Begins the command anew in a user namespace if its user is not root: there it can make mounts, and give files to the
 * users of an image. Returns if it need not or, unless that is needed, can't.
 *
 * @throws RuntimeError SUBORDINATE_IDS_MISSING, USER_NAMESPACE_FAILED, RUNTIME_MISSING, STATE_INVALID, and as
 *   `loadTrustPolicy`
 */
export async function inUserNamespace(
  session: Session,
  { isNeeded = false, isJudging = true }: NamespaceOptions = {},
): Promise<void> {
  if (process.geteuid?.() === 0) return;
  const { config } = session;
  const obstacle = userNamespaceObstacle();
  if (obstacle !== undefined && !isNeeded) return;
  if (obstacle !== undefined) throw obstacle;
  await checkOwner(config.runFolder);
  await checkOwner(config.rootFolder);
  // Whose its files are can be seen only out here.
  if (isJudging) await loadTrustPolicy(config.trustFolders);
  // What others of this user have left can be ended without further ado only out here.
  await (await openHost(session)).close();
  enterUserNamespace(sameCommand(session));
}

/** Begins the command anew in the user namespace of a container, if that is not the one of this process. */
export function joinContainer(session: Session, { pid, isUngrouped }: RunningContainer): void {
  if (process.geteuid?.() === 0 || isUngrouped !== true || pid === undefined) return;
  joinUserNamespace(pid, sameCommand(session));
}

function sameCommand({ config, environment }: Session): NamespaceRequest {
  return {
    command: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    variables: { ...environment.variables, HOME: environment.homeFolder, IMG_CACHE: config.cacheFolder },
  };
}

// Whoever can write there decides what is ended and what is run.
async function checkOwner(folder: string): Promise<void> {
  await makeFolder(folder);
  const self = process.geteuid?.();
  // It may be a link, but only of somebody who is trusted with where it leads.
  const { uid: linkUid } = lstatSync(folder);
  const { uid: folderUid, mode } = statSync(folder);
  const foreign = [linkUid === 0 ? self : linkUid, folderUid].find((uid) => uid !== self);
  if (foreign !== undefined) {
    throw new RuntimeError('STATE_INVALID', `the folder ${quote(folder)} belongs to user ${foreign}`, {
      hint: 'choose one of your own with --run and --root, or correct XDG_RUNTIME_DIR',
    });
  }
  if ((mode & 0o022) !== 0) {
    throw new RuntimeError('STATE_INVALID', `others can write to the folder ${quote(folder)}`, {
      hint: `keep it to yourself with chmod go-w ${folder}`,
    });
  }
}
