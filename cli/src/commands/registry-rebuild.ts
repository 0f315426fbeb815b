import { type Rebuilt, rebuild } from '@img/registry/recovery/rebuild';
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

export function configureRebuild(command: Command, context: CommandContext): void {
  addRegistryStoreOptions(
    command.description('make the lost metadata of a registry anew, from what is in its storage'),
  );
  command.addHelpText('after', rebuildHelp);
  addExamples(
    command,
    'img registry rebuild --data /var/lib/img-registry',
    'img registry rebuild --settings /etc/img/registry/registry.yaml',
  );
  onRun(command, context, runRebuild);
}

const rebuildHelp = `
For when the database is lost, without a backup, and the blobs are not. No img serve may run meanwhile, and
the database must be empty: for SQLite, move metadata.sqlite and its companions out of the data folder.
If it is broken off, run it again; it begins anew.

All manifests come back with their blobs. Tags, their history, users with their passwords, organisations,
robots, visibility, policies and rules are noted in storage every 15 minutes and when img serve ends: what
changed later is lost. Browsers must log in again. Transparency logs can't come back; make new ones.
What nothing seems to need stays in storage for a week. An object that the disk can't read is named and stays: when
the disk can read it again, empty the database and rebuild anew.`;

async function runRebuild(session: Session, places: RegistryStoreOptions): Promise<void> {
  const { output, signal, setExitCode } = session;
  await using stores = await openRegistryStores(session, places, 'storage');
  const { database, blobs } = stores;
  const rebuilt = await rebuild(database, blobs, { clock: Date.now, progress: output.progress, signal });
  const { knownUntil, ...counts } = rebuilt;
  const until = knownUntil === undefined ? null : new Date(knownUntil).toISOString();
  output.result({ ...counts, knownUntil: until }, () => [
    [bold('rebuilt: '), summaryOf(rebuilt)],
    ...lossesOf(rebuilt),
  ]);
  output.story(
    until === null
      ? 'nothing is known of tags and accounts: img serve makes an administrator; tag images with img tag add'
      : `tags and accounts are those of ${until}; whatever was pushed later is there by its digest`,
  );
  if (rebuilt.unneeded > 0) {
    output.story(`${countOf(rebuilt.unneeded, 'object')} that nothing needs will be removed after a week`);
  }
  if (lossesOf(rebuilt).length > 0) setExitCode(exitCodes.failed);
}

function summaryOf({ repositories, manifests, tags, blobs, users }: Rebuilt): string {
  return [
    countOf(repositories, 'repository', 'repositories'),
    countOf(manifests, 'manifest'),
    countOf(tags, 'tag'),
    countOf(blobs, 'blob'),
    countOf(users, 'user'),
  ].join(', ');
}

/** A line for everything that did not come back. */
function lossesOf({ lostBlobs, lostTags, lostLogs, damagedNotes, unreadable }: Rebuilt): readonly Line[] {
  const lines = (what: string, names: readonly string[]) =>
    names.map((name): Line => ['  ', bold('lost'), `  ${what} ${name}`]);
  return [
    ...lines('blob', lostBlobs),
    ...lines('tag', lostTags),
    ...lines('transparency log of', lostLogs),
    ...(damagedNotes === 0 ? [] : [['  ', bold('damaged'), `  ${countOf(damagedNotes, 'note')} in storage`]]),
    ...unreadable.map((key): Line => ['  ', bold('unreadable'), `  object ${key} in storage`]),
  ];
}
