import { parseReference } from '@img/spec/reference';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import type { Config } from '../config/config.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { formatAge } from '../output/measure.ts';
import { tableLines } from '../output/table.ts';
import { bold, type Line, red } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  addExamples(command, 'img ps', 'img ps --json');
  onRun(command, context, async (session) => listContainers(session));
}

async function listContainers(session: Session): Promise<void> {
  await using host = await openHost(session);
  const containers = host.state.list();
  const now = new Date();
  session.output.result(containers, () =>
    tableLines(
      [
        { title: 'id' },
        { title: 'image' },
        { title: 'signed by' },
        { title: 'pid', align: 'right' },
        { title: 'started' },
      ],
      containers.map(({ id, reference, signers, insecure, pid, started }): readonly Line[] => [
        bold(id),
        shortReference(reference, session.config),
        insecure.includes('signature') ? red('NOT VERIFIED') : signers.join(', '),
        pid === undefined ? '' : `${pid}`,
        formatAge(new Date(started), now),
      ]),
    ),
  );
}

function shortReference(text: string, config: Config): string {
  try {
    return shortName(parseReference(text, config.registries), config);
  } catch {
    // Whoever started it had other names for registries; this one is not for any parser.
    return text;
  }
}
