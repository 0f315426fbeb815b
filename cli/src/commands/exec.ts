import { execInContainer } from '@img/runtime/containers/exec-in-container';
import { findRunningContainer } from '@img/runtime/containers/find-container';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { variableOf } from '../host/app-options.ts';
import { joinContainer } from '../host/in-user-namespace.ts';
import { openHost } from '../host/open-host.ts';
import { collectText } from '../option-values.ts';

type CommandLine = {
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly tty?: boolean;
  readonly interactive?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<container>', 'a name, an id, or how an id begins')
    .argument('<command...>', 'a program of the image and its arguments')
    .passThroughOptions()
    .helpOption('-h, --help', 'show how to use it')
    .option('-e, --env <name=value>', 'set a variable, or pass on one of yours', collectText)
    .option('-u, --user <user[:group]>', 'instead of the user of the app')
    .option('-w, --workdir <folder>', 'instead of the folder of the app')
    .option('-i, --interactive', 'let it read what is typed')
    .option('-t, --tty', 'give it a terminal');
  command.addHelpText('after', '\nThe exit code is that of the command.');
  addExamples(command, 'img exec -it web /bin/sh', 'img exec web cat /etc/hosts');
  onRun(command, context, execute);
}

async function execute(
  session: Session,
  line: CommandLine,
  name: string,
  words: readonly string[],
): Promise<void> {
  const { user, workdir, env = [] } = line;
  await using host = await openHost(session);
  const container = findRunningContainer(host.state, name);
  const [program = '', ...rest] = words;
  session.output.end();
  await host.close();
  joinContainer(session, container);
  execInContainer(host.state, container, {
    command: [program, ...rest],
    env: env.flatMap((text) => variableOf(text, session.environment)),
    hasTerminal: line.tty === true,
    isInteractive: line.interactive === true,
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workingDir: workdir }),
  });
}
