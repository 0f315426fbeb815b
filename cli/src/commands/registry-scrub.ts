import { type Scrubbed, scrub } from '@img/registry/scrub/scrub';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { countOf } from '../output/measure.ts';
import { bold, type Line } from '../output/text.ts';
import {
  addRegistryStoreOptions,
  openRegistryStores,
  type RegistryStoreOptions,
} from '../serve/open-registry-stores.ts';

type ScrubOptions = RegistryStoreOptions & { readonly repair?: boolean };

export function configureScrub(command: Command, context: CommandContext): void {
  addRegistryStoreOptions(
    command.description(
      'read everything that a registry stores, and say what is lost or damaged; also while it runs',
    ),
  ).option('--repair', 'forget what is lost or damaged, so that whoever pushes it next brings it again');
  command.addHelpText('after', scheduleHelp);
  addExamples(
    command,
    'img registry scrub',
    'img registry scrub --settings /etc/img/registry/registry.yaml --repair',
  );
  onRun(command, context, runScrub);
}

const scheduleHelp = '\nimg serve --scrub-every 7d does so by itself, and repairs.';

async function runScrub(session: Session, { repair, ...places }: ScrubOptions): Promise<void> {
  const { output, signal, setExitCode } = session;
  await using stores = await openRegistryStores(session, places, 'database');
  const forgets = () => repair === true;
  const bad: Scrubbed[] = [];
  const counts = { blob: 0, note: 0 };
  let sizeBytes = 0;
  for await (const found of scrub(stores.database, stores.blobs, { forgets, clock: Date.now, signal })) {
    counts[found.position.kind] += 1;
    sizeBytes += found.sizeBytes;
    if (found.state !== 'sound') bad.push(found);
  }
  const read = [
    countOf(counts.blob, 'blob'),
    ...(counts.note === 0 ? [] : [countOf(counts.note, 'note of a manifest', 'notes of manifests')]),
  ].join(' and ');
  const verdict = bad.length === 0 ? 'all sound' : `${bad.length} not sound`;
  const about = bad.map(({ digest, state, repositories, position: { kind } }) => {
    return { kind, digest, state, repositories };
  });
  output.result({ blobs: counts.blob, notes: counts.note, sizeBytes, bad: about }, () => [
    `read ${read}, ${sizeBytes} bytes: ${verdict}`,
    ...bad.map(describe),
  ]);
  if (bad.length === 0) return;
  output.story(
    repair === true
      ? 'blobs are forgotten: push the images again that need them; a running registry writes notes anew'
      : 'img registry scrub --repair forgets them, so that whoever pushes them next brings them again',
  );
  setExitCode(exitCodes.failed);
}

function describe({ digest, state, repositories, position }: Scrubbed): Line {
  const where = repositories.join(', ') || 'no repository';
  const what = position.kind === 'blob' ? digest : `note of manifest ${digest}`;
  return ['  ', bold(state), `  ${what}  in ${where}`];
}
