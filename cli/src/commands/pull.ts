import { pullImage } from '@img/runtime/pull-image';
import { latestTag } from '@img/spec/tag';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { decisionLines } from '../host/decision-lines.ts';
import { judgeImage } from '../host/judge-image.ts';
import { openHost } from '../host/open-host.ts';
import { openRegistry } from '../host/open-registry.ts';
import { shortName } from '../host/short-name.ts';
import { typedReference } from '../host/typed-reference.ts';
import { countOf, formatDuration } from '../output/measure.ts';
import { bold } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  command.argument('<image>', 'with its signatures; for the processor of this host');
  addExamples(command, 'img pull com.example.app', 'img pull registry.example.com/com.example.app:1.0.0');
  onRun(command, context, async (session, _: object, text: string) => pull(session, text));
}

async function pull(session: Session, text: string): Promise<void> {
  const { config, output, signal } = session;
  const startedAt = performance.now();
  const reference = typedReference(text, config);
  await using host = await openHost(session);
  await using client = openRegistry(session, reference.registry);
  const place = host.images.repository(reference);
  const { tag, digest } = reference;
  const request = {
    location: reference,
    source: client.repository(reference.repository, 'pull'),
    reference: digest ?? tag ?? latestTag,
    tags: digest === undefined && tag !== undefined ? [tag] : [],
  };
  const options = { progress: output.progress, signal };
  const { descriptor, copiedBlobs, presentBlobs } = await pullImage(request, host, options);
  const name = shortName(reference, config);
  output.result({ reference: name, digest: descriptor.digest, copiedBlobs, presentBlobs }, () => [
    [bold(name), `  ${descriptor.digest}`],
  ]);
  const took = formatDuration(performance.now() - startedAt);
  output.story(`${countOf(copiedBlobs, 'blob')} fetched, ${presentBlobs} were here already, in ${took}`);
  const content = await place.getManifest(descriptor.digest);
  if (content === undefined) return;
  // Fetching decides nothing; but whoever fetches wants to know whether it will start.
  const decision = await judgeImage(reference, { content, place }, host, { signal });
  output.story(...decisionLines(decision, name, new Date()));
}
