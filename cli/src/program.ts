import { printable } from '@img/spec/printable';
import { Command, CommanderError } from 'commander';
import { addCommonOptions, type CommandContext } from './command.ts';
import { type CommandEntry, commandTable } from './command-table.ts';
import { exitCodeHelp, exitCodes } from './exit-code.ts';
import { version } from './version.ts';

/**
 * Runs one command line. Whatever goes wrong is reported, never thrown.
 *
 * @param words what follows the name of the program
 * @returns the exit code
 */
export async function runProgram(
  words: readonly string[],
  context: Omit<CommandContext, 'setExitCode' | 'loadCommand'>,
): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = createProgram({ ...context, setExitCode: (code) => (exitCode = code) });
  const [first, ...rest] = words;
  try {
    // So that the options of a command are loaded before its help is shown.
    await program.parseAsync(first === 'help' ? [...rest, '--help'] : words, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
}

/** The tree of commands. The options of a command are added when the line turns out to be for it. */
function createProgram(context: Omit<CommandContext, 'loadCommand'>): Command {
  const { stdout, stderr } = context.streams;
  const program = new Command('img')
    .description('Builds, signs, distributes and runs container images.')
    .usage('VERB [OPTIONS] …')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'show how to use it')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(usageError(text)),
    })
    .addHelpText('after', () => programFooter());
  addCommonOptions(program, { areOutputOptionsHidden: true });
  const loaders = addCommands(program);
  program.showHelpAfterError('     hint: img --help lists the commands');
  const loadCommand = async (command: Command): Promise<void> => {
    const load = loaders.get(command);
    loaders.delete(command);
    if (load === undefined) return;
    (await load()).configure(command, { ...context, loadCommand });
    for (const part of command.commands) addUsageHint(part, `${command.name()} ${part.name()}`);
  };
  return program.hook('preSubcommand', async (_, command) => loadCommand(command));
}

function addCommands(program: Command): Map<Command, CommandEntry['load']> {
  const loaders = new Map<Command, CommandEntry['load']>();
  for (const [heading, entries] of commandTable) {
    for (const { name, summary, load } of entries) {
      const command = program.command(name).description(summary).helpGroup(heading).helpCommand(false);
      addUsageHint(command, name);
      loaders.set(command, load);
    }
  }
  return loaders;
}

function addUsageHint(command: Command, words: string): void {
  command.showHelpAfterError(`     hint: img ${words} --help shows how to use it`);
}

// Commander quotes what was typed, which may hold anything.
function usageError(text: string): string {
  return text
    .replace(/^error: /, 'img: ')
    .trimEnd()
    .split('\n')
    .map((line, index) => `${index === 0 ? '' : '     '}${printable(line)}\n`)
    .join('');
}

function programFooter(): string {
  const codes = exitCodeHelp.map(([code, meaning]) => `  ${String(code).padStart(2)}  ${meaning}\n`).join('');
  return `
Exit codes:
${codes}
First steps:
  img build .                            make an image of the folder with its img.yaml
  img key new alice                      make a key to sign with
  img sign --key alice com.example.app   sign the image
  img serve                              run a registry on this machine; then, in another terminal
  img login quay-local -u admin          with the password that img serve has shown
  img push com.example.app               store the image there
  img trust add alice --prefix com.example.
  img run com.example.app                run it, on any host that trusts alice

img help VERB shows the options of a command and an example. Every command has --json, --quiet, --verbose and
--no-progress.
`;
}
