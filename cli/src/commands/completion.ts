import { Argument, type Command } from 'commander';
import { addExamples, type CommandContext, onRun } from '../command.ts';
import { type CompletionEntry, completionScript } from '../completion/completion-script.ts';

export function configure(command: Command, context: CommandContext): void {
  command.addArgument(new Argument('<shell>').choices(['bash']));
  addExamples(
    command,
    'source <(img completion bash)',
    'img completion bash > ~/.local/share/bash-completion/completions/img',
  );
  onRun(command, context, async ({ output }) => {
    output.raw(completionScript(await completionEntries(command.parent, context)));
  });
}

async function completionEntries(
  program: Command | null,
  { loadCommand }: CommandContext,
): Promise<readonly CompletionEntry[]> {
  if (program === null) return [];
  const entries = [entryOf('', program)];
  for (const command of program.commands) {
    await loadCommand(command);
    entries.push(entryOf(command.name(), command));
    entries.push(...command.commands.map((part) => entryOf(`${command.name()} ${part.name()}`, part)));
  }
  return entries;
}

function entryOf(path: string, { commands, options }: Command): CompletionEntry {
  const shown = options.flatMap(({ long, hidden }) => (hidden || !long ? [] : [long]));
  return { path, words: [...commands.map((command) => command.name()), ...shown] };
}
