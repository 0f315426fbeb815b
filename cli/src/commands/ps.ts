import { confinementText } from '@img/runtime/config/confinement';
import type { Host } from '@img/runtime/host';
import { type Container, isEnded } from '@img/runtime/state/container';
import { parseReference } from '@img/spec/reference';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import type { Config } from '../config/config.ts';
import { type CurrentHealth, currentHealth, healthLine } from '../host/current-health.ts';
import { networkText } from '../host/network-text.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { formatAge } from '../output/measure.ts';
import { tableLines } from '../output/table.ts';
import { bold, type Line, red } from '../output/text.ts';

type CommandLine = { readonly all?: boolean; readonly health?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .option('-a, --all', 'also those that have ended and are kept')
    .option('--health', 'ask those that run and have a health check how they are now');
  addExamples(command, 'img ps', 'img ps --all', 'img ps --json');
  onRun(command, context, async (session, line: CommandLine) => showContainers(session, line));
}

async function showContainers(session: Session, { all, health }: CommandLine): Promise<void> {
  await using host = await openHost(session);
  const found = all === true ? host.state.all() : host.state.list();
  const containers: readonly AskedContainer[] =
    health === true ? await withHealth(session, host, found) : found;
  const now = new Date();
  const hasNetworks = containers.some((container) => 'network' in container);
  session.output.result(containers, () =>
    tableLines(
      [
        { title: 'id' },
        { title: 'name' },
        { title: 'image' },
        { title: 'signed by' },
        { title: 'profile' },
        ...(hasNetworks ? [{ title: 'network' }] : []),
        { title: 'pid', align: 'right' },
        { title: 'started' },
        ...(all === true ? [{ title: 'ended' }] : []),
        ...(health === true ? [{ title: 'health' }] : []),
      ],
      containers.map((container): readonly Line[] => [
        bold(container.id),
        container.name ?? '',
        shortReference(container.reference, session.config),
        container.insecure.includes('signature') ? red('NOT VERIFIED') : container.signers.join(', '),
        profileOf(container),
        ...(hasNetworks ? [isEnded(container) ? '' : networkText(container.network)] : []),
        isEnded(container) || container.pid === undefined ? '' : `${container.pid}`,
        formatAge(new Date(container.started), now),
        ...(all === true ? [endOf(container, now)] : []),
        ...(health === true ? [healthLine(container.health)] : []),
      ]),
    ),
  );
}

type AskedContainer = Container & { readonly health?: CurrentHealth };

async function withHealth(
  { signal }: Session,
  { state }: Host,
  containers: readonly Container[],
): Promise<readonly AskedContainer[]> {
  const asked: AskedContainer[] = [];
  for (const container of containers) {
    const health = isEnded(container) ? undefined : await currentHealth(state, container, signal);
    asked.push(health === undefined ? container : { ...container, health });
  }
  return asked;
}

function profileOf({ profile, insecure }: Container): Line {
  const text = confinementText(profile, insecure);
  return text === profile ? profile : red(text);
}

function endOf(container: Container, now: Date): Line {
  if (!isEnded(container)) return '';
  const { exitCode, ended } = container;
  const code = `exit ${exitCode}`;
  return [exitCode === 0 ? code : red(code), `, ${formatAge(new Date(ended), now)}`];
}

function shortReference(text: string, config: Config): string {
  try {
    return shortName(parseReference(text, config.registries), config);
  } catch {
    // Whoever started it had other names for registries; this one is not for any parser.
    return text;
  }
}
