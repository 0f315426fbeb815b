import type { CommandOptions } from './command.ts';
import type { ResourceOptions } from './resources.ts';
import type { Secret } from './secret.ts';
import type { PlannedMount } from './storage.ts';

/** `none`: a network of its own with nothing but the loopback; `host`: the host's. */
export type Network = 'none' | 'host';

/** What the caller changes about how an image is run. */
export type RunOptions = CommandOptions &
  ResourceOptions & {
    /** `NAME=value` each; they win over the image's. */
    readonly env?: readonly string[];
    readonly workingDir?: string;
    readonly user?: string;
    /** `none` if not given. */
    readonly network?: Network;
    readonly hostname?: string;
    readonly mounts?: readonly PlannedMount[];
    /** Shown to the app as files that only its user can read. */
    readonly secrets?: readonly Secret[];
    /** Whether the whole tree can be written, in memory, for as long as the container runs. */
    readonly isWritable?: boolean;
    /** Whether the app gets a terminal; the caller's input and output must be one. */
    readonly hasTerminal?: boolean;
    /** Whether the app reads the caller's input; else it reads nothing. */
    readonly isInteractive?: boolean;
  };
