import { chmodSync, chownSync, mkdirSync, opendirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { quote } from '@img/spec/quote';
import type { RuntimeMount } from '@img/spec/runtime-config';
import type { Confinement } from '../config/confinement.ts';
import type { GeneratedFile } from '../config/generated-files.ts';
import { isAtOrBelow } from '../config/inside-path.ts';
import { kernelFolders } from '../config/kernel-mounts.ts';
import { type ScratchMount, scratchBytes } from '../config/storage.ts';
import { mount, mountFlags } from '../linux/mount.ts';
import { type FileSystemRequest, mountAttributes, mountFileSystem } from '../linux/mount-file-system.ts';
import { userNamespace } from '../linux/user-namespace.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { RuntimeName } from '../state/container-record.ts';
import { resolveInside } from './inside-root.ts';
import type { PlacedMount } from './place-mounts.ts';
import { Skeleton } from './skeleton.ts';

export type RootRequest = {
  readonly mounts: readonly PlacedMount[];
  readonly files: readonly GeneratedFile[];
  /** Where the process starts; made where the image lacks it. */
  readonly workingDir: string;
  readonly confinement: Pick<Confinement, 'isWritable' | 'noNewPrivileges' | 'canExecuteWritten'>;
  readonly runtime: RuntimeName;
};

/**
 * Makes the root of a container in the bundle, which is the current folder and whose `tree` is the image's tree: an
 * overlay of the {@link Skeleton} over the tree, read-only or with a writable layer in memory. Every path is
 * relative, so that no character in it can be taken for a separator of overlay options.
 *
 * @returns the mounts that the runtime makes on it
 * @throws RuntimeError MOUNT_INVALID, WORKING_DIR_INVALID, SYSTEM_CALL_FAILED
 */
export function mountRoot(bundle: string, request: RootRequest): readonly RuntimeMount[] {
  makeSkeleton(request);
  mkdirSync('rootfs');
  mkdirSync('scratch');
  const { isWritable, noNewPrivileges } = request.confinement;
  const writable = isWritable
    ? writableLayer('scratch/root', scratchBytes, resolveInside('tree', '/').stat)
    : [];
  overlay(['skeleton', 'tree'], writable, 'rootfs', noNewPrivileges);
  return [
    ...(request.runtime === 'crun' ? [rootRemount(bundle, request)] : []),
    ...request.mounts.map((placed, index) => runtimeMount(bundle, placed, index, request.confinement)),
  ];
}

// crun mounts the root anew on itself, without the attributes that it has, and takes `/` for no destination.
function rootRemount(
  bundle: string,
  { confinement: { isWritable, noNewPrivileges } }: RootRequest,
): RuntimeMount {
  const attributes = [...(isWritable ? [] : ['ro']), ...(noNewPrivileges ? ['nosuid'] : [])];
  return {
    destination: '/.',
    type: 'bind',
    source: join(bundle, 'rootfs'),
    options: ['bind', 'remount', ...attributes, 'nodev'],
  };
}

function makeSkeleton({ mounts, files, workingDir, runtime }: RootRequest): void {
  mkdirSync('skeleton');
  const skeleton = new Skeleton('tree', 'skeleton');
  // nspawn takes nothing for the root of a system that has no /usr.
  for (const folder of [...kernelFolders, ...(runtime === 'nspawn' ? ['/usr'] : [])]) {
    const { stat } = resolveInside('tree', folder);
    if (stat === undefined) skeleton.addFolder(folder);
  }
  for (const { mount: planned, inside, isFile } of mounts) {
    if (inside === undefined || inside.stat !== undefined) continue;
    if (isFile) skeleton.addFile(inside.path, new Uint8Array());
    else skeleton.addFolder(inside.path, planned.kind === 'scratch' ? planned.mode : undefined);
  }
  const isCovered = (path: string) =>
    mounts.some(({ mount: { destination } }) => isAtOrBelow(path, destination));
  for (const { path, content } of files) {
    // The file itself may be a link to where the image's own system would make it; its folder is followed.
    const slash = path.lastIndexOf('/');
    const target = `${resolveInside('tree', path.slice(0, slash)).path}${path.slice(slash)}`;
    if (!isCovered(target)) skeleton.addFile(target, content);
  }
  const start = resolveInside('tree', workingDir);
  if (!isCovered(start.path)) addWorkingDir(skeleton, workingDir, start);
  skeleton.finish();
}

function addWorkingDir(
  skeleton: Skeleton,
  workingDir: string,
  { path, stat }: ReturnType<typeof resolveInside>,
): void {
  const isOfKernel = kernelFolders.some((folder) => isAtOrBelow(path, folder));
  if (isOfKernel || (stat !== undefined && !stat.isDirectory())) {
    throw new RuntimeError(
      'WORKING_DIR_INVALID',
      `working folder ${quote(workingDir)} leads to ${quote(path)} in this image, which is ${isOfKernel ? "the kernel's" : 'no folder'}`,
      { hint: 'choose another one with --workdir' },
    );
  }
  if (stat === undefined) skeleton.addFolder(path);
}

function runtimeMount(
  bundle: string,
  placed: PlacedMount,
  index: number,
  { canExecuteWritten }: RootRequest['confinement'],
): RuntimeMount {
  const { mount: planned, inside } = placed;
  const { destination } = planned;
  const canExecute = canExecuteWritten && (planned.kind === 'bind' || planned.canExecute);
  const attributes = ['nosuid', 'nodev', ...(canExecute ? [] : ['noexec'])];
  if (planned.kind === 'bind') {
    // Not recursive if read-only: runtimes make only the topmost mount read-only.
    const options = planned.readOnly ? ['bind', 'ro'] : ['rbind'];
    return {
      destination,
      type: 'bind',
      source: planned.source,
      options: [...options, 'rprivate', ...attributes],
    };
  }
  const stat = inside?.stat;
  if (inside !== undefined && stat !== undefined && hasEntries(join('tree', inside.path))) {
    const source = seededScratch(planned, inside.path, stat, String(index));
    return {
      destination,
      type: 'bind',
      source: join(bundle, source),
      options: ['bind', 'rprivate', ...attributes],
    };
  }
  const { uid, gid, mode } = stat ?? { uid: 0, gid: 0, mode: planned.mode };
  const owner = uid === 0 && gid === 0 ? [] : [`uid=${uid}`, `gid=${gid}`];
  return {
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: [...attributes, `size=${planned.sizeBytes}`, `mode=${(mode & 0o7777).toString(8)}`, ...owner],
  };
}

// The image's content is not copied: it shows through until the app changes it.
function seededScratch({ sizeBytes }: ScratchMount, path: string, stat: Stats, name: string): string {
  const lower = `scratch/${name}-lower`;
  const merged = `scratch/${name}-merged`;
  mkdirSync(lower);
  mkdirSync(merged);
  mount({ source: join('tree', path), target: lower, flags: mountFlags.bind });
  overlay([lower], writableLayer(`scratch/${name}`, sizeBytes, stat), merged, true);
  return merged;
}

/** The options of a writable layer in memory, whose root looks as given. */
function writableLayer(
  folder: string,
  sizeBytes: number,
  root: Stats | undefined,
): FileSystemRequest['options'] {
  mkdirSync(folder);
  mountFileSystem({
    type: 'tmpfs',
    target: folder,
    options: [
      ['source', 'img'],
      ['size', String(sizeBytes)],
      ['mode', '700'],
    ],
    attributes: mountAttributes.noDev,
  });
  mkdirSync(`${folder}/upper`);
  mkdirSync(`${folder}/work`);
  if (root !== undefined) {
    chownSync(`${folder}/upper`, root.uid, root.gid);
    chmodSync(`${folder}/upper`, root.mode & 0o7777);
  }
  return [
    ['upperdir', `${folder}/upper`],
    ['workdir', `${folder}/work`],
    // Which files it hides it notes in attributes; root of a user namespace can set no others (Linux 5.11).
    ...(userNamespace() === undefined ? [] : [['userxattr', undefined] as const]),
  ];
}

function overlay(
  lower: readonly string[],
  writable: FileSystemRequest['options'],
  target: string,
  isNoSuid: boolean,
): void {
  mountFileSystem({
    type: 'overlay',
    target,
    options: [['source', 'img'], ['lowerdir', lower.join(':')], ...writable],
    attributes:
      mountAttributes.noDev |
      (isNoSuid ? mountAttributes.noSuid : 0) |
      (writable.length === 0 ? mountAttributes.readOnly : 0),
  });
}

function hasEntries(folder: string): boolean {
  const entries = opendirSync(folder);
  try {
    return entries.readSync() !== null;
  } finally {
    entries.closeSync();
  }
}
