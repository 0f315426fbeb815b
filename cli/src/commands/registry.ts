import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SqliteDatabase } from '@img/registry/metadata/sqlite-database';
import { type ScrubbedBlob, scrub } from '@img/registry/scrub/scrub';
import { FileBlobStore } from '@img/registry/storage/file-blob-store';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { bold, type Line } from '../output/text.ts';
import { openStores } from '../serve/open-stores.ts';
import type { ServeOptions } from '../serve/serve-options.ts';
import { readServeSettings } from '../serve/serve-settings.ts';

type ScrubOptions = Pick<ServeOptions, 'data' | 'storage' | 'database'> & {
  readonly settings?: string;
  readonly repair?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  configureScrub(command.command('scrub'), context);
}

function configureScrub(command: Command, context: CommandContext): void {
  command
    .description(
      'read everything that a registry stores, and say what is lost or damaged; also while it runs',
    )
    .option('--settings <file>', 'the settings of img serve')
    .option('--data <folder>', 'where the registry keeps its data, as for img serve')
    .option('--storage <url>', 'where it keeps blobs, as for img serve')
    .option('--database <url>', 'where it keeps metadata, as for img serve')
    .option('--repair', 'forget what is lost or damaged, so that whoever pushes it next brings it again');
  addExamples(
    command,
    'img registry scrub',
    'img registry scrub --settings /etc/img/registry/registry.yaml --repair',
  );
  onRun(command, context, runScrub);
}

async function runScrub(session: Session, { settings, repair, ...given }: ScrubOptions): Promise<void> {
  const { config, environment, output, signal, setExitCode } = session;
  const read = settings === undefined ? {} : await readServeSettings(environment, settings);
  const options = { ...read, ...given };
  await using opened = new AsyncDisposableStack();
  const stores = opened.adopt(await openStores(environment, options), (found) => found.close());
  const folder = resolve(environment.workingFolder, options.data ?? join(config.rootFolder, 'registry'));
  const database =
    stores.database ??
    opened.adopt(await openSqlite(join(folder, 'metadata.sqlite')), (found) => found.close());
  const blobs = stores.blobs ?? (await FileBlobStore.open(join(folder, 'storage')));
  const bad: ScrubbedBlob[] = [];
  let count = 0;
  let sizeBytes = 0;
  for await (const blob of scrub(database, blobs, { isRepair: repair === true, clock: Date.now, signal })) {
    count += 1;
    sizeBytes += blob.sizeBytes;
    if (blob.state !== 'sound') bad.push(blob);
  }
  output.result({ blobs: count, sizeBytes, bad }, () => [
    `read ${count} ${count === 1 ? 'blob' : 'blobs'}, ${sizeBytes} bytes: ${bad.length === 0 ? 'all sound' : `${bad.length} not sound`}`,
    ...bad.map(describe),
  ]);
  if (bad.length === 0) return;
  output.story(
    repair === true
      ? 'they are forgotten; push the images again that need them'
      : 'img registry scrub --repair forgets them, so that whoever pushes them next brings them again',
  );
  setExitCode(exitCodes.failed);
}

/** @throws CliError USAGE where there is none: one must not be made by looking for it */
async function openSqlite(file: string): Promise<SqliteDatabase> {
  const exists = await stat(file).then(
    () => true,
    () => false,
  );
  if (exists) return SqliteDatabase.open(file);
  throw new CliError('USAGE', `there is no registry in ${dirname(file)}`, {
    hint: 'name its data folder with --data, or its settings with --settings',
  });
}

function describe({ digest, state, repositories }: ScrubbedBlob): Line {
  return ['  ', bold(state), `  ${digest}  in ${repositories.join(', ') || 'no repository'}`];
}
