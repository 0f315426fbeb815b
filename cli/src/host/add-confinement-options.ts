import { type InsecureItem, insecureItems, parseInsecureItem } from '@img/runtime/config/insecure-item';
import { type ProfileName, profileNames, profileTable } from '@img/runtime/config/profile';
import { RuntimeError } from '@img/runtime/runtime-error';
import { type Command, InvalidArgumentError, Option } from 'commander';

/** The options that say how an app is kept apart from its host. */
export type ConfinementLine = {
  readonly profile?: ProfileName;
  readonly insecure?: readonly InsecureItem[];
  readonly readOnly?: boolean;
};

/** The options of {@link ConfinementLine}, and below all options what each profile gives. */
export function addConfinementOptions(command: Command): void {
  const options = [
    new Option('--profile <name>', 'how it is kept apart from the host: app unless given').choices(
      profileNames,
    ),
    new Option('--read-only', 'let the app write nothing in the tree, whatever the profile').conflicts(
      'writable',
    ),
    new Option('--insecure <item>', 'give up one protection, recorded and shown by img ps').argParser(
      collectInsecure,
    ),
  ];
  for (const option of options) command.addOption(option.helpGroup('Protection:'));
  command.addHelpText(
    'after',
    `\nProfiles:\n${rowsOf(profileTable())}\n\nWhat --insecure gives up:\n${rowsOf(insecureItems)}`,
  );
}

function rowsOf(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}

function collectInsecure(text: string, before: readonly InsecureItem[] = []): readonly InsecureItem[] {
  try {
    return [...before, ...text.split(',').map(parseInsecureItem)];
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    throw new InvalidArgumentError(
      error.hint === undefined ? error.message : `${error.message}; ${error.hint}.`,
    );
  }
}
