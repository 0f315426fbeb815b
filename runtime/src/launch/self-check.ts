import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { printable } from '@img/spec/printable';
import type { RuntimeConfig, RuntimeHook, RuntimeNamespace } from '@img/spec/runtime-config';
import { capabilityMask } from '../linux/capability.ts';

export type SelfCheckPlaces = {
  /** Where a shell is. */
  readonly sh: string;
  /** The root of the container, as a folder that runtime and hook see. */
  readonly root: string;
  /** Whether the app may write there. */
  readonly isWritable: boolean;
  /** The folder where {@link readMismatch} finds what was found. */
  readonly folder: string;
  /**
   * The runtime, if somebody may read its standard error: runtimes keep to themselves what hooks write. A terminal, file
   * or pipe is told; into a socket nobody else can write.
   */
  readonly runtimePid?: number;
};

/**
 * A hook that looks whether the first process of a container is what its config says, and kills it if not: no new
 * privileges, capabilities, system call filter, namespaces, users, control group and root. Runtimes have had errors
 * that silently left out one of these. Nothing of it stays.
 *
 * runc calls it before anything of the app has run, crun while it begins.
 */
export function selfCheck(
  { process, linux }: RuntimeConfig,
  { sh, root, isWritable, folder, runtimePid }: SelfCheckPlaces,
): RuntimeHook {
  const { bounding } = process.capabilities;
  const args = [
    join(folder, mismatchName),
    String(capabilityMask(bounding)),
    linux.cgroupsPath.slice(linux.cgroupsPath.lastIndexOf('/') + 1),
    root,
    isWritable ? 'rw' : 'ro',
    bounding.includes('CAP_SYS_CHROOT') ? 'any' : 'same',
    nameOf(process.args[0] ?? ''),
    runtimePid === undefined ? '/dev/null' : `/proc/${runtimePid}/fd/2`,
    ...linux.namespaces.map(({ type }) => namespaceFiles[type]),
  ];
  return { path: sh, args: ['sh', '-c', script, 'img', ...args] };
}

/** What a self-check has found, in words; undefined if everything was as it should be. */
export function readMismatch(folder: string): string | undefined {
  const path = join(folder, mismatchName);
  return existsSync(path) ? printable(readFileSync(path, 'utf8').trim()) : undefined;
}

const mismatchName = 'mismatch';

const namespaceFiles: { readonly [type in RuntimeNamespace['type']]: string } = {
  pid: 'pid',
  network: 'net',
  ipc: 'ipc',
  uts: 'uts',
  mount: 'mnt',
  cgroup: 'cgroup',
  user: 'user',
};

// As the kernel names a process when a program begins; nothing for a program that is named like a runtime.
function nameOf(program: string): string {
  const name = basename(program).slice(0, 15);
  return /^(crun|runc.*|\d+)$/.test(name) ? '' : name;
}

// On the usual way only what a shell has built in, because each program would cost another millisecond. The state of
// the container is on the input; its first "pid" is that of the runtime-spec, annotations come later.
//
// Until the program of the app has taken the place of the runtime, by which name it is known, the process may be about
// to become what it should be; then it is looked at again, a number of times. What the app gives up by itself, such as
// capabilities, is no mismatch, nor that it has another root if it may change that. Of a process
// that ends the kernel takes the program first, then its root and control group.
const script = `
while read -r line || [ "$line" ]; do state=$state$line; done
pid=\${state#*'"pid":'} pid=\${pid# } pid=\${pid%%[!0-9]*}
report=$1 allowed=$2 group=$3 root=$4 access=$5 change=$6 program=$7 story=$8 times=0
shift 8
while [ "$pid" ] && [ $times -lt 200 ]; do
  times=$((times + 1)) privileges= filter= found= options= unlike=
  read -r name <"/proc/$pid/comm"
  while read -r key value rest; do
    case $key in
      NoNewPrivs:) privileges=$value ;;
      Seccomp:) filter=$value ;;
      Cap*:) [ $((0x$value & ~allowed)) = 0 ] || unlike="it had other capabilities ($key $value)" ;;
    esac
  done <"/proc/$pid/status"
  [ "$privileges" = 1 ] || unlike='it could gain privileges'
  [ "$filter" = 2 ] || unlike='it could make every system call'
  for space; do
    [ "/proc/$pid/ns/$space" -ef "/proc/$$/ns/$space" ] && unlike="it shared the namespace $space with the host"
  done
  for map in uid_map gid_map; do
    read -r ours <"/proc/$$/$map" && read -r theirs <"/proc/$pid/$map" && [ "$ours" = "$theirs" ] ||
      unlike="its users were others ($map)"
  done
  while IFS=: read -r number names path; do
    case $path in */"$group") found=yes ;; esac
  done <"/proc/$pid/cgroup"
  [ "$found" ] || unlike='it was in another control group'
  if [ "/proc/$pid/root" -ef "$root" ]; then
    while read -r id parent device source target flags rest; do
      [ "$target" = / ] && options=$flags
    done <"/proc/$pid/mountinfo"
    case $options in "$access" | "$access,"*) ;; *) unlike="its files were mounted $options" ;; esac
    case ,$options, in *,nosuid,*) ;; *) unlike="its files were mounted $options" ;; esac
  elif [ "$change" = same ]; then
    unlike='it had another root'
  fi
  [ "$unlike" ] && [ -e "/proc/$pid/exe" ] || exit 0
  [ "$name" = "$program" ] && break
  sleep 0.05
done 2>/dev/null
[ "$pid" ] && kill -9 "$pid" || unlike='the runtime did not say which process it is'
echo "$unlike" >"$report"
echo "img: the app was ended, because it was not confined as asked: $unlike" >>"$story"
exit 1
`;
