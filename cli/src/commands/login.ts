import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { dockerCredentials, openRegistry } from '../host/open-registry.ts';
import { typedRegistry } from '../host/typed-registry.ts';
import { bold } from '../output/text.ts';
import { readStdinText } from '../terminal/stdin-text.ts';
import { TerminalPrompt } from '../terminal/terminal-prompt.ts';

type LoginOptions = { readonly username?: string; readonly passwordStdin?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[registry]', 'an alias or an address; the default registry if not given')
    .option('-u, --username <name>', 'who you are there; asked for if not given')
    .option('--password-stdin', 'read the password from stdin instead of asking for it')
    .addHelpText(
      'after',
      '\nThe password is stored where Docker keeps it, and what docker login stored works here.',
    );
  addExamples(
    command,
    'img login quay-local',
    'img login registry.example.com -u ci --password-stdin < password',
  );
  onRun(command, context, login);
}

async function login(session: Session, options: LoginOptions, text: string | undefined): Promise<void> {
  const { config, output, signal } = session;
  const registry = typedRegistry(text, config);
  const given = await readLogin(session, options, registry);
  await using client = openRegistry(session, registry, { login: given });
  await client.check({ signal });
  const storedIn = await dockerCredentials(session).store(registry, given, { signal });
  output.result({ registry, username: given.username, storedIn }, () => [
    ['logged in to ', bold(registry), ` as ${given.username}`],
  ]);
  output.story(`the password is in ${storedIn}`);
}

async function readLogin(
  { signal }: Session,
  { username, passwordStdin }: LoginOptions,
  registry: string,
): Promise<{ readonly username: string; readonly password: string }> {
  if (passwordStdin === true && username !== undefined)
    return { username, password: await readStdinText('password') };
  using prompt = TerminalPrompt.open();
  if (prompt === undefined) {
    throw new CliError('PASSPHRASE_MISSING', `there is no terminal to ask for a login to ${registry} on`, {
      hint: 'give --username and --password-stdin',
    });
  }
  const name = username ?? (await prompt.askText(`User name for ${registry}: `, { signal })).trim();
  const password =
    passwordStdin === true
      ? await readStdinText('password')
      : await prompt.askSecret('Password: ', { signal });
  return { username: name, password };
}
