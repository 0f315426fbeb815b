import { NotTrustedError } from '@img/runtime/trust/not-trusted-error';
import { parsePredicateTypes, predicateNames } from '@img/sign/predicate-type';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { decisionDocument, decisionLines, findingLines } from '../host/decision-lines.ts';
import { judgeImage } from '../host/judge-image.ts';
import { locateImage } from '../host/locate-image.ts';
import { openHost } from '../host/open-host.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { shortName } from '../host/short-name.ts';
import { typedReference } from '../host/typed-reference.ts';
import { errorLines } from '../output/error-lines.ts';

type VerifyOptions = { readonly remote?: boolean; readonly require?: readonly string[] };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'an image of this host, or of its registry if this host has none')
    .option('--remote', "look at the registry's copy and signatures")
    .option(
      '--require <type>',
      `what must be attested, too: ${predicateNames.join(', ')} or a URI; may be repeated`,
      (text: string, before: readonly string[] = []) => [...before, text],
    );
  addExamples(command, 'img verify com.example.app', 'img verify com.example.app:1.0.0 --require provenance');
  onRun(command, context, verify);
}

async function verify(session: Session, options: VerifyOptions, text: string): Promise<void> {
  const { config, output, setExitCode, signal } = session;
  const reference = typedReference(text, config);
  const required = (options.require ?? []).map((name) => {
    return { name, types: parseArgument(parsePredicateTypes, name) };
  });
  await using host = await openHost(session);
  await using remote = new RemoteRepository(session, reference);
  const places = options.remote === true ? [remote] : [host.images.repository(reference), remote];
  const now = new Date();
  const { content, place } = await locateImage(reference, places, { signal });
  const { decision } = await judgeImage(reference, { content, place }, host, { signal, required });
  const name = shortName(reference, config);
  output.detail(`looked at ${place.name}`, ...findingLines(decision));
  if (decision.trusted || output.isJson) {
    const document = decisionDocument(decision, name, content.descriptor.digest);
    output.result(document, () => decisionLines(decision, name, now));
  }
  if (decision.trusted) return;
  output.error(errorLines(new NotTrustedError(decision), { verbose: false }));
  setExitCode(exitCodes.notTrusted);
}
