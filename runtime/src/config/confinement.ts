import type { RuntimeCapabilities } from '@img/spec/runtime-config';
import { RuntimeError } from '../runtime-error.ts';
import { givenCapabilities, givenDevices, type InsecureItem } from './insecure-item.ts';
import { maskedPaths, readonlyPaths, strictlyMaskedPaths } from './kernel-paths.ts';
import { type ProfileName, profiles } from './profile.ts';
import type { RunOptions } from './run-options.ts';

/** How an app is kept apart from its host: its profile, without what was given up. */
export type Confinement = {
  readonly noNewPrivileges: boolean;
  /** Undefined if every system call is allowed. */
  readonly systemCalls: 'usual' | 'few' | undefined;
  readonly isWritable: boolean;
  readonly canExecuteWritten: boolean;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  /** Whether /sys can be written as far as the user may. */
  readonly hasWritableSys: boolean;
  /** Of the host, by their paths. */
  readonly devices: readonly string[];
  readonly pids: number;
};

/**
 * What profile, items and options make together.
 *
 * @throws RuntimeError PROFILE_REFUSED for an option that the profile does not allow
 */
export function confinementOf({
  profile: name = 'app',
  insecure = [],
  network,
  isWritable,
  pids,
}: Pick<RunOptions, 'profile' | 'insecure' | 'network' | 'isWritable' | 'pids'>): Confinement {
  const profile = profiles[name];
  if (!profile.canBeOpened && network === 'host') throw refused(name, "the host's network");
  if (!profile.canBeOpened && isWritable === true) throw refused(name, 'a writable tree');
  const hasKernelFiles = insecure.includes('kernel-files');
  const masked = profile.hides === 'kernel' ? [...maskedPaths, ...strictlyMaskedPaths] : maskedPaths;
  return {
    noNewPrivileges: profile.noNewPrivileges && !insecure.includes('privileges'),
    systemCalls: insecure.includes('seccomp') ? undefined : profile.systemCalls,
    isWritable: isWritable ?? profile.isWritable,
    canExecuteWritten: profile.canExecuteWritten,
    maskedPaths: hasKernelFiles ? [] : masked,
    readonlyPaths: hasKernelFiles ? [] : readonlyPaths,
    hasWritableSys: hasKernelFiles,
    devices: givenDevices(insecure),
    pids: pids ?? profile.pids,
  };
}

/**
 * The capabilities of a process. Inheritable and ambient are empty, so that no program in the image gains any by
 * being run (CVE-2022-24769), but for those that the caller has named for whoever the app runs as.
 */
export function capabilitiesOf(
  uid: number,
  { profile: name = 'app', insecure = [] }: Pick<RunOptions, 'profile' | 'insecure'>,
): RuntimeCapabilities {
  const profile = profiles[name];
  const given = givenCapabilities(insecure);
  const bounding = together(uid === 0 ? profile.rootCapabilities : profile.otherCapabilities, given);
  if (uid === 0) return { bounding, effective: bounding, permitted: bounding, inheritable: [], ambient: [] };
  return { bounding, effective: given, permitted: given, inheritable: given, ambient: given };
}

/** How a container is confined, in few words: `app`, or `app, insecure: seccomp`. */
export function confinementText(profile: ProfileName, insecure: readonly InsecureItem[]): string {
  const items = insecure.filter((item) => item !== 'signature');
  return items.length === 0 ? profile : `${profile}, insecure: ${items.join(' ')}`;
}

function together(...sets: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(sets.flat())];
}

function refused(name: ProfileName, what: string): RuntimeError {
  return new RuntimeError('PROFILE_REFUSED', `profile ${name} does not allow ${what}`, {
    hint: 'leave that out, or choose another profile; img run --help shows what each allows',
  });
}
