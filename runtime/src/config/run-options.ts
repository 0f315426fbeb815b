import type { CommandOptions } from './command.ts';
import type { InsecureItem } from './insecure-item.ts';
import type { PortMapping } from './port-mapping.ts';
import type { ProfileName } from './profile.ts';
import type { ResourceOptions } from './resources.ts';
import type { Secret } from './secret.ts';
import type { PlannedMount } from './storage.ts';

/**
 * `none`: a network of its own with nothing but the loopback; `host`: the host's; `bridge`: a network of its own from
 * which it reaches what the host reaches, but nobody reaches it except through published ports.
 */
export type Network = (typeof networkNames)[number];

export const networkNames = ['none', 'host', 'bridge'] as const;

/** What the caller changes about how an image is run. */
export type RunOptions = CommandOptions &
  ResourceOptions & {
    /** `NAME=value` each; they win over the image's. */
    readonly env?: readonly string[];
    readonly workingDir?: string;
    readonly user?: string;
    /** `none` if not given. */
    readonly network?: Network;
    /** Ports of the host that lead to the app, which is in the network `bridge` then. */
    readonly ports?: readonly PortMapping[];
    readonly hostname?: string;
    readonly mounts?: readonly PlannedMount[];
    /** Shown to the app as files that only its user can read. */
    readonly secrets?: readonly Secret[];
    /** `app` if not given. */
    readonly profile?: ProfileName;
    /** What of it is given up. */
    readonly insecure?: readonly InsecureItem[];
    /** Whether the whole tree can be written, in memory, for as long as the container runs; the profile says unless given. */
    readonly isWritable?: boolean;
    /** Whether the app gets a terminal; the caller's input and output must be one. */
    readonly hasTerminal?: boolean;
    /** Whether the app reads the caller's input; else it reads nothing. */
    readonly isInteractive?: boolean;
  };
