import { type Command, Option } from 'commander';
import type { Config } from './config/config.ts';
import type { ConfigOptions } from './config/config-options.ts';
import type { Environment } from './environment.ts';
import type { Output, OutputOptions, Streams } from './output/output.ts';

/** What the process gives to a command. */
export type CommandContext = {
  readonly environment: Environment;
  readonly streams: Streams;
  /** Aborted when the user or the system asks the process to stop. */
  readonly signal: AbortSignal;
  /** Ends the process with another code than 0 although nothing failed. */
  readonly setExitCode: (code: number) => void;
  /** Adds its arguments and options to a command of the program, which has them only when it is used. */
  readonly loadCommand: (command: Command) => Promise<void>;
};

/**
 * A file under commands/: adds arguments, options, an example and the action to its command. An option such as
 * `--no-registry` is absent unless it is given: the command is already being parsed when it gets its options, too
 * late for the default that commander would set.
 */
export type CommandModule = {
  readonly configure: (command: Command, context: CommandContext) => void;
};

/** What a command works with. */
export type Session = {
  readonly config: Config;
  readonly output: Output;
  readonly environment: Environment;
  readonly signal: AbortSignal;
  readonly setExitCode: (code: number) => void;
};

/**
 * Sets what a command does, and adds the options that every command has. The arguments are those of the
 * command, in its order.
 */
export function onRun<Options extends object, Arguments extends readonly unknown[]>(
  command: Command,
  context: CommandContext,
  run: (session: Session, options: Options, ...values: Arguments) => Promise<void>,
): void {
  addCommonOptions(command, { areConfigOptionsHidden: true });
  command.action(async (...given: readonly unknown[]) => {
    const { runSession } = await import('./session.ts');
    // Commander appends the options and the command itself.
    const values = given.slice(0, -2) as unknown as Arguments;
    await runSession(context, commonOptions(command), (session) =>
      run(session, command.opts<Options>(), ...values),
    );
  });
}

/** What was asked for at any place of the line, before or after the name of the command. */
function commonOptions(command: Command): OutputOptions & ConfigOptions {
  const chain: (OutputOptions & ConfigOptions)[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) chain.push(at.opts());
  return {
    ...folderOptions(chain),
    json: chain.some(({ json }) => json === true),
    quiet: chain.some(({ quiet }) => quiet === true),
    verbose: chain.some(({ verbose }) => verbose === true),
    progress: chain.every(({ progress }) => progress !== false),
  };
}

/** Adds examples to the end of a command's help. */
export function addExamples(command: Command, ...examples: readonly string[]): void {
  command.addHelpText(
    'after',
    `\n${examples.length > 1 ? 'Examples' : 'Example'}:\n${examples.map((line) => `  ${line}\n`).join('')}`,
  );
}

// The word nearest to the action counts.
function folderOptions(chain: readonly ConfigOptions[]): ConfigOptions {
  const found = folderKeys.map(
    (key) => [key, chain.find((options) => options[key] !== undefined)?.[key]] as const,
  );
  return Object.fromEntries(found.filter(([, folder]) => folder !== undefined));
}

/** The options that every command has; they may also stand before it. */
export function addCommonOptions(
  command: Command,
  hidden: { readonly areOutputOptionsHidden?: boolean; readonly areConfigOptionsHidden?: boolean },
): void {
  // Help shows groups in the order of their first option, hidden or not: that of the command itself comes first.
  for (const key of folderKeys) {
    const option = new Option(`--${key} <folder>`, folderDescriptions[key]);
    command.addOption(option.hideHelp(hidden.areConfigOptionsHidden === true));
  }
  for (const [flags, description] of outputFlags) {
    const option = new Option(flags, description).helpGroup('Output:');
    command.addOption(option.hideHelp(hidden.areOutputOptionsHidden === true));
  }
}

const outputFlags: readonly (readonly [flags: string, description: string])[] = [
  ['--json', 'print the result as one JSON document'],
  ['-q, --quiet', 'print the result only'],
  ['--verbose', 'tell more, also what led to an error'],
  ['--no-progress', 'draw no progress'],
];

const folderDescriptions = {
  config: 'the folder of the configuration, instead of /etc/img and ~/.config/img',
  root: 'the folder of images',
  run: 'the folder of what runs',
  cache: 'the folder of what can be made again',
} as const satisfies { readonly [key in keyof ConfigOptions]-?: string };

const folderKeys = ['config', 'root', 'run', 'cache'] as const satisfies readonly (keyof ConfigOptions)[];
