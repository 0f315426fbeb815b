import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeConfig, RuntimeHook } from '@img/spec/runtime-config';
import { openPipe } from '../linux/open-pipe.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { RunState } from '../state/run-state.ts';

const scriptName = 'watch.sh';

/**
 * Starts a shell that does beside nspawn what runtimes of the OCI do by themselves: it writes down which process is the
 * first of the container, has that looked at by the hooks `poststart`, and when nspawn has ended, however that was, it ends
 * what is left of the container and runs the hooks `poststop`. The folder of bundles must be the current one.
 *
 * @param groups the folder of the container's control group in every hierarchy
 * @returns a descriptor that nspawn must have as long as it runs
 */
export function watchNspawn(
  state: RunState,
  id: string,
  hooks: NonNullable<RuntimeConfig['hooks']>,
  groups: readonly string[],
): number {
  const folder = join(state.runtimeRoot('nspawn'), id);
  mkdirSync(folder);
  writeFileSync(scriptName, script(hooks));
  const { reading, writing } = openPipe();
  const words = [
    join(state.bundleFolder, scriptName),
    folder,
    state.pidFile(id),
    String(process.pid),
    ...groups,
  ];
  const child = spawn('/bin/sh', words, {
    cwd: '/',
    // A key that interrupts the command is not for it.
    detached: true,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    stdio: [reading, 'ignore', 'inherit'],
  });
  closeSync(reading);
  // If nothing comes in the place of this process, it is to end, and the shell with it.
  child.unref();
  if (child.pid !== undefined) return writing;
  closeSync(writing);
  throw new RuntimeError('RUNTIME_FAILED', '/bin/sh could not be started');
}

function script({ poststart = [], poststop = [] }: NonNullable<RuntimeConfig['hooks']>): string {
  return `${beginning}
${poststart.map((hook) => `printf '{"pid":%s}' "$first" | ${commandOf(hook)} 2>&3 3>&-`).join('\n')}
${ending}
${poststop.map((hook) => `${commandOf(hook)} </dev/null`).join('\n')}
rm -rf -- "$folder"
`;
}

// A hook has the name of its program first among its words.
function commandOf({ path, args }: RuntimeHook): string {
  return [path, ...args.slice(1)].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}

// The first process of the container is a child of nspawn, as soon as that has taken the place of the parent, and has the
// number 1 in a namespace of its own. Nothing tells when it is there. The folder is gone if somebody has swept it. If the
// parent was killed at once, this is a child of somebody else, whose other children are none of its business.
const beginning = `
exec 3>&2 2>/dev/null
folder=$1 file=$2 nspawn=$3 first=
shift 3
[ "$nspawn" = "$PPID" ] || nspawn=
is_first() {
  while read -r key outer inner rest; do
    [ "$key" = NSpid: ] || continue
    [ "$inner" = 1 ] && [ -z "$rest" ]
    return
  done <"/proc/$1/status"
  return 1
}
write_down() {
  read -r stat <"/proc/$first/stat" || return
  set -- \${stat##*) }
  printf '{"pid":%s,"process-start-time":%s}\\n' "$first" "\${20}" >"$folder/status"
  printf '%s\\n' "$first" >"$file"
}
while [ -z "$first" ] && [ -e "/proc/$nspawn/exe" ]; do
  children=
  read -r children <"/proc/$nspawn/task/$nspawn/children"
  for child in $children; do
    [ "$child" != $$ ] && is_first "$child" && first=$child
  done
  [ "$first" ] || sleep 0.01
done
[ "$first" ] && {
write_down`;

// A nspawn that closes descriptors would run on without that one; of one that has ended the kernel shows no program.
// Processes of the container can be left if nspawn was killed. What can't be ended now is left to whoever sweeps next.
const ending = `
}
while read -r line; do :; done
while [ -e "/proc/$nspawn/exe" ]; do sleep 0.05; done
attempt=0 left=yes
while [ "$left" ] && [ $attempt -lt 500 ]; do
  left= attempt=$((attempt + 1))
  for group; do
    for members in "$group"/cgroup.procs "$group"/*/cgroup.procs; do
      while read -r pid; do
        [ "$pid" = 0 ] || kill -9 "$pid"
      done <"$members"
    done
    rmdir "$group"/*/ "$group"
    [ -d "$group" ] && left=yes
  done
  [ -z "$left" ] || sleep 0.02
done
[ "$left" ] && exit 1`;
