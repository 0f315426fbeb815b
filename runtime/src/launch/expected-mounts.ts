import type { RuntimeConfig, RuntimeMount } from '@img/spec/runtime-config';

/** Mounts that must all be of one kind and have the same attributes. */
export type MountClass = {
  /** The type of the file system; `any`, or `masked` for what hides a file or folder. */
  readonly kind: string;
  /** Among `ro`, `rw`, `nosuid`, `nodev` and `noexec`. */
  readonly attributes: readonly string[];
  /** As the kernel writes them in mountinfo. */
  readonly targets: readonly string[];
};

const attributeNames: readonly string[] = ['ro', 'nosuid', 'nodev', 'noexec'];

/**
 * What a container must have mounted besides its root, by its config.
 *
 * @param isThere whether the kernel has a file; what it lacks needs not be hidden
 */
export function expectedMounts(
  { mounts, linux }: Pick<RuntimeConfig, 'mounts' | 'linux'>,
  isThere: (path: string) => boolean,
): readonly MountClass[] {
  const classes = new Map<string, MountClass>();
  const add = (kind: string, attributes: readonly string[], destination: string) => {
    const key = [kind, ...attributes].join(' ');
    const targets = [...(classes.get(key)?.targets ?? []), escaped(destination)];
    classes.set(key, { kind, attributes, targets });
  };
  for (const { destination, type, options } of mounts.filter(isMount)) {
    const isLoose = type === 'bind' || type === 'cgroup';
    // Where each controller has its own hierarchy, these are mounted in a folder that holds nothing else.
    const asked = attributeNames.filter(
      (name) => options.includes(name) && !(type === 'cgroup' && name === 'ro'),
    );
    add(isLoose ? 'any' : type, asked, destination);
  }
  for (const path of linux.maskedPaths.filter(isThere)) add('masked', [], path);
  for (const path of linux.readonlyPaths.filter(isThere)) add('any', ['ro'], path);
  return [...classes.values()];
}

// The other entry makes attributes of the root.
function isMount({ destination }: RuntimeMount): boolean {
  return destination !== '/.';
}

// fs/proc_namespace.c, mangle()
function escaped(path: string): string {
  return path.replace(
    /[ \t\n\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}
