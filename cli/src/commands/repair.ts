import { parseImage } from '@img/runtime/apps/app-definition';
import type { Fault } from '@img/runtime/examine-image';
import type { Host } from '@img/runtime/host';
import { type Repair, repairImage } from '@img/runtime/repair-image';
import { CodedError } from '@img/spec/coded-error';
import { formatReference, type Reference } from '@img/spec/reference';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodeOf, exitCodes } from '../exit-code.ts';
import { inUserNamespace } from '../host/in-user-namespace.ts';
import { openHost } from '../host/open-host.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { shortName } from '../host/short-name.ts';
import { typedReference } from '../host/typed-reference.ts';
import { errorLines } from '../output/error-lines.ts';
import { countOf } from '../output/measure.ts';
import { bold, green, type Line, red } from '../output/text.ts';

type CommandLine = { readonly all?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[image...]', 'images of this host')
    .option('--all', 'all images of this host, and those of installed apps');
  command.addHelpText(
    'after',
    `
Reads everything that this host has of the images, as img verify --deep does, and brings back what is damaged or
gone: from compressed copies on this host, or else from the registry. Apps that run go on meanwhile.
Ends with 1 if something can not be repaired.`,
  );
  addExamples(command, 'img repair com.example.app', 'img repair --all');
  onRun(command, context, repair);
}

async function repair(session: Session, line: CommandLine, typed: readonly string[]): Promise<void> {
  const { config, output, setExitCode } = session;
  if (typed.length > 0 === (line.all === true)) {
    throw new CliError('USAGE', 'which images are repaired is said by their names, or by --all');
  }
  await inUserNamespace(session);
  await using host = await openHost(session);
  const references =
    typed.length > 0 ? typed.map((text) => typedReference(text, config)) : await allReferences(host);
  const repairs: (Repair & { readonly reference: string })[] = [];
  for (const reference of references) {
    try {
      const name = shortName(reference, config);
      repairs.push({ reference: name, ...(await repairOne(session, reference, host)) });
    } catch (error) {
      // One that can't be looked at keeps nobody from the others.
      if (!(error instanceof CodedError)) throw error;
      output.error(errorLines(error, { verbose: output.isVerbose }));
      setExitCode(exitCodeOf(error));
    }
  }
  output.result(
    repairs.map(({ reference, found, left }) => ({
      reference,
      repaired: found.filter((fault) => !isLeft(fault, left)),
      damaged: left,
    })),
    () => repairs.flatMap(repairLines),
  );
  for (const { reference, left, obstacle } of repairs) {
    if (left.length === 0) continue;
    if (obstacle !== undefined) output.error(errorLines(obstacle, { verbose: output.isVerbose }));
    output.story(
      `${reference} is still damaged in ${countOf(left.length, 'place')}; if its registry has no more what is missing, ` +
        `build it again, or remove it: img rm ${reference}`,
    );
    setExitCode(exitCodes.failed);
  }
}

async function repairOne(session: Session, reference: Reference, host: Host): Promise<Repair> {
  const { output, signal } = session;
  await using remote = new RemoteRepository(session, reference);
  return await repairImage(reference, remote, host, { progress: output.progress, signal });
}

/** What is listed as an image of this host, and what installed apps are or may go back to. */
async function allReferences(host: Host): Promise<readonly Reference[]> {
  const stored = (await host.images.list()).map(({ location, tag, descriptor: { digest } }): Reference => {
    return { ...location, tag, digest: tag === undefined ? digest : undefined };
  });
  const installed = (await host.apps.allGenerations()).map(({ source, digest }): Reference => {
    return { ...parseImage(source), tag: undefined, digest };
  });
  return [...new Map([...stored, ...installed].map((found) => [formatReference(found), found])).values()];
}

function repairLines({ reference, found, left }: Repair & { readonly reference: string }): readonly Line[] {
  if (found.length === 0) return [[bold(reference), '  nothing is damaged']];
  return [
    [bold(reference)],
    ...found.map((fault): Line => {
      return isLeft(fault, left)
        ? [red('  damaged   '), fault.message]
        : [green('  repaired  '), fault.message];
    }),
    ...left
      .filter((fault) => !isLeft(fault, found))
      .map((fault): Line => [red('  damaged   '), fault.message]),
  ];
}

function isLeft({ message }: Fault, left: readonly Fault[]): boolean {
  return left.some((fault) => fault.message === message);
}
