import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { printable } from '@img/spec/printable';
import type { RuntimeConfig, RuntimeHook, RuntimeNamespace } from '@img/spec/runtime-config';
import { capabilityMask } from '../linux/capability.ts';
import type { LimitFile } from '../state/limit-files.ts';
import { expectedMounts } from './expected-mounts.ts';

export type SelfCheckPlaces = {
  /** Where a shell is. */
  readonly sh: string;
  /** The root of the container, as a folder that runtime and hook see. */
  readonly root: string;
  /** Whether the app may write there. */
  readonly isWritable: boolean;
  /** The limits of its control group, if they are not those of a unit. */
  readonly limits: readonly LimitFile[];
  /** Whether the kernel has a file. */
  readonly isThere: (path: string) => boolean;
  /** The folder where {@link readMismatch} finds what was found. */
  readonly folder: string;
  /**
   * How many filters of system calls the app has from who launches it, and so at least one more if it is to have one;
   * undefined where the kernel does not count them (before Linux 5.9).
   */
  readonly inheritedFilters?: number | undefined;
  /**
   * The standard error of the command, if somebody may read it: runtimes keep to themselves what hooks write. A terminal,
   * file or pipe is told; into a socket nobody else can write, so that the hook then says it itself.
   */
  readonly story?: string;
};

/**
 * A hook that looks whether the first process of a container is what its config says, and kills it if not: no new
 * privileges, capabilities, system call filter, namespaces, users, control group and its limits, root, and every
 * mount. Runtimes have had errors that silently left out one of these. What can't be looked at is not what was asked
 * for, either. Nothing of it stays.
 *
 * runc calls it before anything of the app has run, crun while it begins.
 */
export function selfCheck(config: RuntimeConfig, { sh, ...places }: SelfCheckPlaces): RuntimeHook {
  return { path: sh, args: ['sh', '-c', script, 'img', ...wordsOf(config, places)] };
}

// What the script is told of a container.
function wordsOf(
  { process, linux, mounts }: RuntimeConfig,
  {
    root,
    isWritable,
    limits,
    isThere,
    folder,
    inheritedFilters,
    story = '/dev/null',
  }: Omit<SelfCheckPlaces, 'sh'>,
): readonly string[] {
  const { noNewPrivileges } = process;
  const { bounding } = process.capabilities;
  const rootClass = {
    kind: 'overlay',
    attributes: [isWritable ? 'rw' : 'ro', 'nodev', ...(noNewPrivileges ? ['nosuid'] : [])],
    targets: ['/'],
  };
  // What the app may change by itself can't be compared.
  const classes = bounding.includes('CAP_SYS_ADMIN')
    ? []
    : [rootClass, ...expectedMounts({ mounts, linux }, isThere)];
  return [
    join(folder, mismatchName),
    String(capabilityMask(bounding)),
    linux.cgroupsPath?.slice(linux.cgroupsPath.lastIndexOf('/') + 1) ?? '',
    root,
    bounding.includes('CAP_SYS_CHROOT') ? 'any' : 'same',
    nameOf(process.args[0] ?? ''),
    story,
    noNewPrivileges ? '1' : '[01]',
    linux.seccomp === undefined ? '[012]' : '2',
    linux.namespaces.map(({ type }) => namespaceFiles[type]).join(' '),
    ` ${limits.map(({ controller }) => controller).join(' ')} `,
    limits.map(({ path, value }) => `${path}\n${value}\n`).join(''),
    String(classes.reduce((sum, { targets }) => sum + targets.length, 0)),
    linux.seccomp === undefined || inheritedFilters === undefined ? '' : String(inheritedFilters + 1),
    ...classes.map(
      ({ kind, attributes, targets }) => `${[kind, ...attributes].join(' ')}\n${targets.join('\n')}\n`,
    ),
  ];
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
  return /^(crun|runc.*|systemd-nspawn|\d+)$/.test(name) ? '' : name;
}

// On the usual way only what a shell has built in, because each program would cost another millisecond. The state of
// the container is on the input; its first "pid" is that of the runtime-spec, annotations come later.
//
// Until the program of the app has taken the place of the runtime, by which name it is known, the process may be about
// to become what it should be; then it is looked at again, a number of times. What the app gives up by itself, such as
// capabilities, is no mismatch, nor that it has another root if it may change that. Of a process that ends the kernel
// says so (PF_EXITING) before it takes anything from it. A shell reads byte by byte, so it stops where nothing of use
// comes any more.
const script = `
while read -r line || [ "$line" ]; do state=$state$line; done
pid=\${state#*'"pid":'} pid=\${pid# } pid=\${pid%%[!0-9]*}
report=$1 allowed=$2 group=$3 root=$4 change=$5 program=$6 story=$7 privileges=$8 filter=$9
shift 9
spaces=$1 controllers=$2 limits=$3 mounts=$4 filters=$5 times=0 line='
'
shift 5
ends() {
  read -r stat <"/proc/$pid/stat" || return 0
  set -- \${stat##*) }
  [ $(($7 & 4)) != 0 ]
}
while [ "$pid" ] && [ $times -lt 200 ]; do
  times=$((times + 1)) found= seen=$line count=0 unlike=
  read -r name <"/proc/$pid/comm"
  while read -r key value rest; do
    case $key in
      Cap*:) [ $((0x$value & ~allowed)) = 0 ] || unlike="it had other capabilities ($key $value)" ;;
      NoNewPrivs:) case $value in $privileges) ;; *) unlike='it could gain privileges' ;; esac ;;
      Seccomp:) case $value in $filter) ;; *) unlike='it could make every system call' ;; esac; [ "$filters" ] || break; continue ;;
      Seccomp_filters:) [ "$value" -ge "$filters" ] || unlike='it could make every system call'; break ;;
      *) continue ;;
    esac
    count=$((count + 1))
  done <"/proc/$pid/status"
  [ $count = 6 ] || unlike='the kernel did not show its rights'
  count=0
  for space in $spaces; do
    [ "/proc/$pid/ns/$space" -ef "/proc/$$/ns/$space" ] && unlike="it shared the namespace $space with the host"
  done
  for map in uid_map gid_map; do
    read -r ours <"/proc/$$/$map" && read -r theirs <"/proc/$pid/$map" && [ "$ours" = "$theirs" ] ||
      unlike="its users were others ($map)"
  done
  while read -r path && read -r value; do
    [ "$path" ] && read -r is <"$path" && [ "$is" = "$value" ] || unlike="its limit \${path##*/} was not $value"
  done <<LIMITS
\${limits%"$line"}
LIMITS
  while [ "$group" ] && IFS=: read -r number names path; do
    case $path in
      */"$group" | */"$group"/*) found=yes ;;
      *) case $controllers in *" $names "*) unlike="it was in another control group ($names)" ;; esac ;;
    esac
  done <"/proc/$pid/cgroup"
  [ "$found" ] || [ -z "$group" ] || unlike='it was in another control group'
  if [ "/proc/$pid/root" -ef "$root" ]; then
    while read -r id parent device source target flags rest; do
      kind=\${rest#*- } kind=\${kind%% *}
      case $kind,$flags, in
        cgroup,ro,* | cgroup2,ro,*) ;;
        cgroup,* | cgroup2,*) unlike="it could change its control groups ($target)" ;;
      esac
      case $target in /sys/fs/cgroup/*) continue ;; esac
      for class; do
        case $class in *"$line$target$line"*) ;; *) continue ;; esac
        class=\${class%%"$line"*}
        case "$class $source" in
          "any "* | "$kind "* | masked*" /null") ;;
          "masked "*) [ "$kind" = tmpfs ] || unlike="$target was not hidden" ;;
          *) unlike="$target was of the kind $kind" ;;
        esac
        for flag in \${class#* }; do
          [ "$flag" = "$class" ] && continue
          case ,$flags, in *",$flag,"*) ;; *) unlike="$target was mounted $flags" ;; esac
        done
        case $seen in *"$line$target$line"*) ;; *) seen=$seen$target$line count=$((count + 1)) ;; esac
      done
    done <"/proc/$pid/mountinfo"
    [ $count = "$mounts" ] || unlike="only $count of $mounts mounts were there"
  elif [ ! -e "/proc/$pid/root" ]; then
    unlike='nobody could look at it without CAP_SYS_PTRACE'
  elif [ "$change" = same ]; then
    unlike='it had another root'
  fi
  [ "$unlike" ] && ! ends || exit 0
  [ "$name" = "$program" ] && break
  sleep 0.05
done 2>/dev/null
[ "$pid" ] && kill -9 "$pid" || unlike='the runtime did not say which process it is'
echo "$unlike" >"$report"
said="img: the app was ended, because it was not confined as asked: $unlike"
if [ -S "$story" ]; then echo "$said" >&2; else echo "$said" >>"$story"; fi
exit 1
`;
