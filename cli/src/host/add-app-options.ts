import type { Command } from 'commander';
import { collectText } from '../option-values.ts';

/** What is typed of an app, however it is started: by `img run`, or by systemd once it is installed. */
export type AppLine = {
  readonly env?: readonly string[];
  readonly volume?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly secret?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly entrypoint?: string;
  readonly hostname?: string;
  readonly writable?: boolean;
};

/** Adds the options that give an {@link AppLine}. */
export function addAppOptions(command: Command): void {
  command
    .option('-e, --env <name=value>', 'set a variable, or pass on one of yours', collectText)
    .option('-v, --volume <source:destination[:ro]>', 'show a file or folder of the host', collectText)
    .option('--tmpfs <destination[:options]>', 'a folder in memory', collectText)
    .option(
      '--secret <name[=file]>',
      'a copy of a file, or of a credential of systemd, in /run/secrets that only the app can read',
      collectText,
    )
    .option('-u, --user <user[:group]>', 'instead of the user of the image')
    .option('-w, --workdir <folder>', 'instead of the folder of the image')
    .option('--entrypoint <program>', 'instead of the program of the image')
    .option('--hostname <name>', 'what the app sees as its host')
    .option('--writable', 'let the app write everywhere; what it writes ends with it');
}
