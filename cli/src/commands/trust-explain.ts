import { explainDecision } from '@img/sign/explain-decision';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { decisionDocument } from '../host/decision-lines.ts';
import { judgeImage } from '../host/judge-image.ts';
import { locateImage } from '../host/locate-image.ts';
import { openHost } from '../host/open-host.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { shortName } from '../host/short-name.ts';
import { typedReference } from '../host/typed-reference.ts';
import { bold, dim, green, type Line, red } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  command
    .description('show step by step how this host decides about an image')
    .argument('<image>', 'an image of this host, or of its registry if this host has none')
    .option('--remote', "look at the registry's copy and signatures");
  addExamples(command, 'img trust explain com.example.app');
  onRun(command, context, explain);
}

async function explain(
  session: Session,
  options: { readonly remote?: boolean },
  text: string,
): Promise<void> {
  const { config, output, signal } = session;
  const reference = typedReference(text, config);
  await using host = await openHost(session);
  await using remote = new RemoteRepository(session, reference);
  const places = options.remote === true ? [remote] : [host.images.repository(reference), remote];
  const located = await locateImage(reference, places, { signal });
  const { request, decision } = await judgeImage(reference, located, host, { signal });
  const { digest } = request;
  const steps = explainDecision(request, decision);
  const name = shortName(reference, config);
  output.result({ ...decisionDocument(decision, name, digest), steps }, () => [
    [bold(name), `  ${digest}`],
    `found in ${located.place.name}`,
    ...steps.flatMap(({ question, isPassed, answers }, index): readonly Line[] => [
      [isPassed ? green('ok  ') : red('no  '), `${index + 1}. ${question}`],
      ...answers.map((answer): Line => [dim('       '), answer]),
    ]),
  ]);
}
