import type { ContentSource } from '@img/registry/transfer/content';
import type { Judgement } from '@img/registry/transfer/judge-image';
import type { Host } from '@img/runtime/host';
import { pullImage } from '@img/runtime/pull-image';
import { accept } from '@img/runtime/trust/decide';
import { NotTrustedError } from '@img/runtime/trust/not-trusted-error';
import type { Reference } from '@img/spec/reference';
import { latestTag } from '@img/spec/tag';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { decisionLines } from '../host/decision-lines.ts';
import { inUserNamespace } from '../host/in-user-namespace.ts';
import { judgeImage } from '../host/judge-image.ts';
import { locateImage } from '../host/locate-image.ts';
import { openHost } from '../host/open-host.ts';
import { openRegistry } from '../host/open-registry.ts';
import { shortName } from '../host/short-name.ts';
import { typedReference } from '../host/typed-reference.ts';
import { countOf, formatDuration } from '../output/measure.ts';
import { bold } from '../output/text.ts';

type PullOptions = { readonly verify?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'with its signatures; for the processor of this host')
    .option('--verify', 'fetch only what is trusted here; img run decides in any case');
  addExamples(
    command,
    'img pull com.example.app',
    'img pull --verify com.example.app',
    'img pull registry.example.com/com.example.app:1.0.0',
  );
  onRun(command, context, pull);
}

async function pull(session: Session, { verify = false }: PullOptions, text: string): Promise<void> {
  const { config, output, signal } = session;
  const startedAt = performance.now();
  const reference = typedReference(text, config);
  await inUserNamespace(session);
  await using host = await openHost(session);
  await using client = openRegistry(session, reference.registry);
  const source = client.repository(reference.repository, 'pull');
  const { tag, digest } = reference;
  const trustedDigest = verify
    ? trusted(await judgeThere(session, host, reference, source)).request.digest
    : undefined;
  const request = {
    location: reference,
    source,
    reference: trustedDigest ?? digest ?? tag ?? latestTag,
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
  const place = host.images.repository(reference);
  const content = await place.getManifest(descriptor.digest);
  if (content === undefined) return;
  // Whoever fetches wants to know whether it will start.
  const judgement = await judgeImage(reference, { content, place }, host, { signal });
  output.story(...decisionLines(judgement.decision, name, new Date()));
  if (verify) await accept(judgement.request, trusted(judgement).decision, await host.trust());
}

async function judgeThere(
  { signal }: Session,
  host: Host,
  reference: Reference,
  source: ContentSource,
): Promise<Judgement> {
  const located = await locateImage(reference, [source], { signal });
  return await judgeImage(reference, located, host, { signal });
}

/** @throws NotTrustedError */
function trusted(judgement: Judgement): Judgement {
  if (judgement.decision.trusted) return judgement;
  throw new NotTrustedError(judgement.decision);
}
