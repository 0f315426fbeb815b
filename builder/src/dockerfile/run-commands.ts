import type { Instruction } from './parse-dockerfile.ts';
import type { ShellCommand } from './shell-commands.ts';

/**
 * The commands of a RUN: of its line, or of the text that follows it.
 *
 * @returns undefined if another program than a shell reads the text
 */
export function commandsOf(
  { text, list, heredocs }: Instruction,
  split: (text: string) => readonly ShellCommand[],
): readonly ShellCommand[] | undefined {
  if (list !== undefined) {
    const isShell = /(?:^|\/)(?:ba|da)?sh$/.test(list[0] ?? '') && list[1] === '-c';
    return isShell ? split(list[2] ?? '') : [{ text: list.join(' '), words: list }];
  }
  const [heredoc, ...others] = heredocs;
  if (heredoc === undefined) return split(text);
  const line = text.replace(/<<-?["']?[A-Za-z_][\w.]*["']?/, '').trim();
  return others.length === 0 && /^(?:(?:\/bin\/)?(?:ba|da)?sh(?:\s+-[a-z]+)*)?$/.test(line)
    ? split(heredoc.text)
    : undefined;
}
