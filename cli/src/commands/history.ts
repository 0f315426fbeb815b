import { parseAppName } from '@img/runtime/apps/app-name';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { formatAge } from '../output/measure.ts';
import { tableLines } from '../output/table.ts';
import { bold, green, type Line, red } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  command.argument('<app>', 'the name of an installed app');
  addExamples(command, 'img history web');
  onRun(command, context, async (session, _: object, name: string) => showHistory(session, name));
}

async function showHistory(session: Session, typed: string): Promise<void> {
  const name = parseArgument(parseAppName, typed);
  await using host = await openHost(session);
  const { current, trial, verdicts, isPinned } = await host.apps.state(name);
  const now = new Date();
  const generations = (await host.apps.generations(name)).map((generation) => {
    const isCurrent = generation.number === current;
    const { verdict = isCurrent && trial !== undefined ? 'on trial' : 'untried', reason = '' } =
      verdicts[String(generation.number)] ?? {};
    return { ...generation, isCurrent, verdict, reason };
  });
  session.output.result({ name, isPinned, generations }, () =>
    tableLines(
      [
        { title: 'generation', align: 'right' },
        { title: '' },
        { title: 'image' },
        { title: 'digest' },
        { title: 'signed by' },
        { title: 'since' },
        { title: 'verdict' },
      ],
      generations.map((generation): readonly Line[] => [
        bold(`${generation.number}`),
        generation.isCurrent ? green(isPinned ? 'current, pinned' : 'current') : '',
        generation.source,
        generation.digest.slice(0, 19),
        generation.signers.join(', '),
        formatAge(new Date(generation.created), now),
        verdictOf(generation.verdict, generation.reason),
      ]),
    ),
  );
}

function verdictOf(verdict: string, reason: string): Line {
  return verdict === 'bad' ? [red('bad'), `: ${reason}`] : verdict;
}
