import { RuntimeError } from '../runtime-error.ts';

/**
 * The control group of the unit that this process belongs to, below the root of the hierarchy.
 *
 * @param text /proc/self/cgroup
 * @throws RuntimeError HOST_UNSUPPORTED
 */
export function unitControlGroup(text: string): string {
  const lines = text.split('\n');
  // systemd's own hierarchy, or the only one that there is (cgroups(7)).
  const line =
    lines.find((entry) => /^\d+:name=systemd:/.test(entry)) ?? lines.find((entry) => entry.startsWith('0::'));
  const path = line?.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
  if (path?.endsWith('.service') === true) return path;
  throw new RuntimeError(
    'HOST_UNSUPPORTED',
    `this process is not in a unit of systemd, but in ${path ?? 'none'}`,
    {
      hint: 'systemctl start starts an installed app',
    },
  );
}
