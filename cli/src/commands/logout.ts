import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { dockerCredentials } from '../host/open-registry.ts';
import { typedRegistry } from '../host/typed-registry.ts';

export function configure(command: Command, context: CommandContext): void {
  command.argument('[registry]', 'an alias or an address; the default registry if not given');
  addExamples(command, 'img logout quay-local');
  onRun(command, context, async (session, _: object, text: string | undefined) => logout(session, text));
}

async function logout(session: Session, text: string | undefined): Promise<void> {
  const { config, output, signal } = session;
  const registry = typedRegistry(text, config);
  const wasStored = await dockerCredentials(session).erase(registry, { signal });
  output.result({ registry, wasStored }, () => []);
  output.story(wasStored ? `logged out of ${registry}` : `nothing was stored for ${registry}`);
}
