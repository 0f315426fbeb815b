import { describeContainer } from '@img/runtime/containers/describe-container';
import type { Container } from '@img/runtime/containers/find-container';
import type { Host } from '@img/runtime/host';
import type { Session } from '../command.ts';
import { containerDocument, containerLines } from './container-lines.ts';

export type InspectContainerOptions = {
  /** Whether the values of variables are shown: they are in logs and tickets sooner than one thinks. */
  readonly withValues: boolean;
};

/** Prints what this host knows of a container. */
export function inspectContainer(
  { output }: Pick<Session, 'output'>,
  host: Host,
  container: Container,
  { withValues }: InspectContainerOptions,
): void {
  const { process, ...rest } = describeContainer(host.state, container);
  const env = (process?.env ?? []).map((text) => (withValues ? text : text.slice(0, text.indexOf('='))));
  const shown = { ...rest, process: process === undefined ? undefined : { ...process, env } };
  output.result(containerDocument(shown), () => containerLines(shown, new Date()));
}
