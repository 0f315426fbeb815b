import { parseSeconds } from '@img/runtime/apps/duration';
import { parseHealthCheck } from '@img/runtime/apps/health-check';
import { findContainer, findRunningContainer } from '@img/runtime/containers/find-container';
import { waitForEnd } from '@img/runtime/containers/wait-for-end';
import type { Host } from '@img/runtime/host';
import { isEnded, type RunningContainer } from '@img/runtime/state/container';
import { readContainerSettings } from '@img/runtime/state/container-settings';
import { waitUntilHealthy } from '@img/runtime/units/wait-until-healthy';
import { type Command, Option } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';

type CommandLine = { readonly condition: 'ended' | 'healthy'; readonly timeout?: string };

const healthTimeout = '60s';

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<container...>', 'names, ids, or how an id begins')
    .addOption(new Option('--condition <what>', 'for what').choices(['ended', 'healthy']).default('ended'))
    .option('--timeout <time>', `with --condition healthy: how long at most; ${healthTimeout}`);
  command.addHelpText(
    'after',
    '\nPrints the exit code of each, in their order; with --condition healthy, their names.',
  );
  addExamples(command, 'img wait web', 'img wait --condition healthy --timeout 30s web');
  onRun(command, context, async (session, line: CommandLine, names: readonly string[]) =>
    line.condition === 'healthy' ? waitForHealth(session, line, names) : waitForEnds(session, line, names),
  );
}

async function waitForEnds(
  session: Session,
  { timeout }: CommandLine,
  names: readonly string[],
): Promise<void> {
  if (timeout !== undefined) throw new CliError('USAGE', '--timeout needs --condition healthy');
  const { output, signal } = session;
  await using host = await openHost(session);
  const containers = names.map((name) => findContainer(host.state, name));
  const ended = await Promise.all(
    containers.map(async (container) => {
      const { id, name = null } = container;
      const exitCode = isEnded(container)
        ? container.exitCode
        : await waitForEnd(host.state, container, { signal });
      return { id, name, exitCode };
    }),
  );
  output.result(ended, () => ended.map(({ exitCode }) => `${exitCode}`));
}

async function waitForHealth(
  session: Session,
  { timeout = healthTimeout }: CommandLine,
  names: readonly string[],
): Promise<void> {
  const { output, signal } = session;
  const timeoutMs = parseArgument((text) => parseSeconds(text, '--timeout'), timeout) * 1000;
  await using host = await openHost(session);
  // All are looked up before the first is asked, so that a typing mistake is told at once.
  const wanted = names.map((name) => {
    const container = findRunningContainer(host.state, name);
    return { container, check: checkOf(host, container) };
  });
  await Promise.all(
    wanted.map(async ({ container, check }) => {
      const name = container.name ?? container.id;
      const says = { what: `container ${name}`, hint: `img logs ${name} shows what it wrote` };
      await waitUntilHealthy(host.state, container, check, { timeoutMs, ...says, signal });
    }),
  );
  const healthy = wanted.map(({ container: { id, name = null } }) => ({ id, name, isHealthy: true }));
  output.result(healthy, () => names);
}

function checkOf({ state }: Host, { id, name }: RunningContainer): ReturnType<typeof parseHealthCheck> {
  const check = readContainerSettings(state.settingsFile(id))?.health;
  if (check !== undefined) return parseHealthCheck(check);
  throw new CliError('USAGE', `container ${name ?? id} has no health check`, {
    hint: 'it is given when a container is started, with img run --detach --health',
  });
}
