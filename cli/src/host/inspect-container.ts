import { describeContainer } from '@img/runtime/containers/describe-container';
import type { Host } from '@img/runtime/host';
import { type Container, isEnded } from '@img/runtime/state/container';
import type { Session } from '../command.ts';
import { fact } from '../output/facts.ts';
import { containerDocument, containerLines } from './container-lines.ts';
import { currentHealth, healthLine } from './current-health.ts';

export type InspectContainerOptions = {
  /** Whether the values of variables are shown: they are in logs and tickets sooner than one thinks. */
  readonly withValues: boolean;
  readonly asksHealth: boolean;
};

/** Prints what this host knows of a container. */
export async function inspectContainer(
  { output, signal }: Pick<Session, 'output' | 'signal'>,
  host: Host,
  container: Container,
  { withValues, asksHealth }: InspectContainerOptions,
): Promise<void> {
  const { process, ...rest } = describeContainer(host.state, container);
  const env = (process?.env ?? []).map((text) => (withValues ? text : text.slice(0, text.indexOf('='))));
  const shown = { ...rest, process: process === undefined ? undefined : { ...process, env } };
  const health =
    asksHealth && !isEnded(container) ? await currentHealth(host.state, container, signal) : undefined;
  const document = {
    ...containerDocument(shown),
    ...(health === undefined ? {} : { currentHealth: health }),
  };
  output.result(document, () => [
    ...containerLines(shown, new Date()),
    ...(health === undefined ? [] : [fact('health now', healthLine(health))]),
  ]);
}
