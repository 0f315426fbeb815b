import { mayForget } from '@img/registry/scrub/may-forget';
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

type ScrubOptions = RegistryStoreOptions & { readonly repair?: boolean; readonly repairAll?: boolean };

export function configureScrub(command: Command, context: CommandContext): void {
  addRegistryStoreOptions(
    command.description(
      'read everything that a registry stores, and say what is lost or damaged; also while it runs',
    ),
  )
    .option('--repair', 'forget what is lost or damaged, so that whoever pushes it next brings it again')
    .option('--repair-all', 'the same, also where more than a hundredth is lost or damaged');
  command.addHelpText('after', scheduleHelp);
  addExamples(
    command,
    'img registry scrub',
    'img registry scrub --settings /etc/img/registry/registry.yaml --repair',
  );
  onRun(command, context, runScrub);
}

const scheduleHelp = `
--repair stops where more than 10, and more than a hundredth of what was read, is lost or damaged: then it is
most often the storage itself that is not there, or not the right one.
img serve --scrub-every 7d does so by itself, and repairs.`;

async function runScrub(session: Session, options: ScrubOptions): Promise<void> {
  const { repair = false, repairAll = false, ...places } = options;
  const { output, signal, setExitCode } = session;
  await using stores = await openRegistryStores(session, places, 'database');
  const isRepair = repair || repairAll;
  const bad: Scrubbed[] = [];
  const counts = { blob: 0, note: 0 };
  let sizeBytes = 0;
  let isGivenUp = false;
  const forgets = () =>
    isRepair && (repairAll || mayForget({ read: counts.blob + counts.note, bad: bad.length }));
  for await (const found of scrub(stores.database, stores.blobs, { forgets, clock: Date.now, signal })) {
    counts[found.position.kind] += 1;
    sizeBytes += found.sizeBytes;
    if (found.state === 'sound') continue;
    bad.push(found);
    isGivenUp = isRepair && !found.isForgotten;
    if (isGivenUp) break;
  }
  const read = [
    countOf(counts.blob, 'blob'),
    ...(counts.note === 0 ? [] : [countOf(counts.note, 'note of a manifest', 'notes of manifests')]),
  ].join(' and ');
  const verdict = bad.length === 0 ? 'all sound' : `${bad.length} not sound`;
  const about = bad.map(({ digest, state, repositories, isForgotten, position: { kind } }) => {
    return { kind, digest, state, repositories, isForgotten };
  });
  output.result({ blobs: counts.blob, notes: counts.note, sizeBytes, bad: about, isGivenUp }, () => [
    `read ${read}, ${sizeBytes} bytes: ${verdict}`,
    ...bad.map(describe),
  ]);
  if (bad.length === 0) return;
  output.story(nextStep({ isRepair, isGivenUp }));
  setExitCode(exitCodes.failed);
}

function nextStep(ended: { readonly isRepair: boolean; readonly isGivenUp: boolean }): string {
  if (ended.isGivenUp) {
    return 'stopped, because so much is bad that the storage itself may be wrong: look at it first; if it is right, img registry scrub --repair-all goes on';
  }
  return ended.isRepair
    ? 'blobs are forgotten: push the images again that need them; a running registry writes notes anew'
    : 'img registry scrub --repair forgets them, so that whoever pushes them next brings them again';
}

function describe({ digest, state, repositories, position }: Scrubbed): Line {
  const where = repositories.join(', ') || 'no repository';
  const what = position.kind === 'blob' ? digest : `note of manifest ${digest}`;
  return ['  ', bold(state), `  ${what}  in ${where}`];
}
