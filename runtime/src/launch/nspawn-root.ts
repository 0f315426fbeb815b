import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { quote } from '@img/spec/quote';
import type { RuntimeConfig, RuntimeMount } from '@img/spec/runtime-config';
import { kernelFolders } from '../config/kernel-mounts.ts';
import { mount, mountFlags } from '../linux/mount.ts';
import { mountAttributes, mountFileSystem } from '../linux/mount-file-system.ts';
import { restrictMount } from '../linux/restrict-mount.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ControlGroups } from '../state/control-groups.ts';
import { resolveInside } from './inside-root.ts';
import { nspawnFolders } from './launcher-table.ts';

const root = 'rootfs';
const attributeNames: { readonly [option in string]?: number } = {
  ro: mountAttributes.readOnly,
  nosuid: mountAttributes.noSuid,
  nodev: mountAttributes.noDev,
  noexec: mountAttributes.noExec,
};
// These can only be mounted inside of namespaces that nspawn makes.
const ofNspawn: readonly string[] = ['proc', 'devpts', 'mqueue'];

/**
 * Mounts in the root of a container, which is in the current folder, whatever its config asks for and does not depend on
 * namespaces that nspawn makes: nspawn leaves what is mounted already as it is. It hides files of /sys, too.
 *
 * @param group the control group of the container, below the root of each hierarchy
 * @throws RuntimeError MOUNT_INVALID, RUNTIME_LACKS, SYSTEM_CALL_FAILED
 */
export function mountNspawnRoot(
  { mounts, linux }: Pick<RuntimeConfig, 'mounts' | 'linux'>,
  groups: Pick<ControlGroups, 'mode' | 'root' | 'roots'>,
  group: string,
): void {
  for (const folder of kernelFolders) checkPlace(folder, 'folder');
  for (const asked of mounts) {
    if (asked.type === 'cgroup') showControlGroups(groups, group);
    else if (!ofNspawn.includes(asked.type)) mountInside(asked);
  }
  for (const { path } of linux.devices ?? []) showDevice(path);
  for (const path of linux.maskedPaths) if (path.startsWith('/sys/')) hide(path);
  checkPlace('/etc/machine-id', 'file');
  for (const folder of nspawnFolders) makeNspawnFolder(folder);
  mkdirSync(`${root}/run/host/incoming`);
  // Else it would show that of the host.
  const release = `${root}/run/host/os-release`;
  writeFileSync(release, '');
  mount({ source: release, target: release, flags: mountFlags.bind });
}

function mountInside({ destination, type, source, options }: RuntimeMount): void {
  const { path, stat } = resolveInside(root, destination);
  const target = `${root}${path}`;
  const attributes = options.reduce((sum, option) => sum | (attributeNames[option] ?? 0), 0);
  if (type !== 'bind') {
    if (stat === undefined) mkdirSync(target, { recursive: true });
    const own = options.filter((option) => option.includes('='));
    const pairs = own.map((option): readonly [string, string] => {
      const equals = option.indexOf('=');
      return [option.slice(0, equals), option.slice(equals + 1)];
    });
    mountFileSystem({ type, target, attributes, options: [['source', source], ...pairs] });
    return;
  }
  if (stat === undefined) makePlace(target, source);
  const recursive = options.includes('rbind') ? mountFlags.recursive : 0;
  mount({ source, target, flags: mountFlags.bind | recursive });
  mount({ target, flags: mountFlags.private | recursive });
  restrictMount(target, attributes);
}

// The device file of the host itself; nspawn makes those that every container has.
function showDevice(path: string): void {
  const target = `${root}${resolveInside(root, path).path}`;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, '');
  mount({ source: path, target, flags: mountFlags.bind });
}

function makePlace(target: string, source: string): void {
  if (statSync(source).isDirectory()) mkdirSync(target, { recursive: true });
  else writeFileSync(target, '', { flag: 'wx' });
}

// Its own group only, and read-only; with the links by which programs find controllers that share a hierarchy.
function showControlGroups(
  { mode, root: host, roots }: Pick<ControlGroups, 'mode' | 'root' | 'roots'>,
  group: string,
): void {
  const target = `${root}/sys/fs/cgroup`;
  const { readOnly, noSuid, noDev, noExec } = mountAttributes;
  const attributes = readOnly | noSuid | noDev | noExec;
  const show = (source: string, place: string) => {
    mount({ source, target: place, flags: mountFlags.bind });
    restrictMount(place, attributes);
  };
  if (mode === 'v2') {
    show(join(host, group), target);
    return;
  }
  mountFileSystem({
    type: 'tmpfs',
    target,
    options: [
      ['source', 'img'],
      ['mode', '755'],
    ],
  });
  for (const entry of readdirSync(host, { withFileTypes: true })) {
    const place = join(target, entry.name);
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(join(host, entry.name)), place);
    else if (roots.includes(join(host, entry.name))) mkdirSync(place);
  }
  for (const hierarchy of roots) show(join(hierarchy, group), join(target, basename(hierarchy)));
  restrictMount(target, attributes);
}

function hide(path: string): void {
  const target = `${root}${path}`;
  const stat = lstatSync(target, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) {
    mount({ source: '/dev/null', target, flags: mountFlags.bind });
    return;
  }
  mountFileSystem({
    type: 'tmpfs',
    target,
    options: [['source', 'img']],
    attributes: mountAttributes.readOnly,
  });
}

// In memory, over whatever the image may have there. nspawn 252 takes what looks like no file from one place, newer ones
// from the other, which they make by themselves.
function makeNspawnFolder(folder: string): void {
  checkPlace(folder, 'folder');
  const target = `${root}${folder}`;
  mkdirSync(target, { recursive: true });
  mountFileSystem({
    type: 'tmpfs',
    target,
    options: [
      ['source', 'img'],
      ['mode', '755'],
      ['size', '256k'],
    ],
    attributes: mountAttributes.noSuid | mountAttributes.noDev | mountAttributes.noExec,
  });
  mkdirSync(`${target}/inaccessible/dir`, { recursive: true, mode: 0 });
  writeFileSync(`${target}/inaccessible/reg`, '', { mode: 0 });
}

// nspawn reads and writes there before the root of the container is its own, so a link would lead it out of the image: it
// makes devices in whatever folder of the host has the name that /dev leads to, and tells the app what /etc/machine-id says.
function checkPlace(place: string, kind: 'file' | 'folder'): void {
  const { path, stat } = resolveInside(root, place);
  const isKind = stat === undefined || (kind === 'file' ? stat.isFile() : stat.isDirectory());
  if (path === place && isKind) return;
  const instead = path === place ? `is no ${kind}` : `leads to ${quote(path)}`;
  throw new RuntimeError(
    'RUNTIME_LACKS',
    `nspawn needs the ${kind} ${quote(place)}, which ${instead} in this image`,
    { hint: 'take crun or runc' },
  );
}
