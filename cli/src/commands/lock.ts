import type { DebianPackage } from '@img/builder/debian/package';
import {
  isSecurityFix,
  type LockChanges,
  lockChanges,
  type PackageChange,
} from '@img/builder/lock/lock-changes';
import { type LockedFolder, lockFolder } from '@img/builder/lock-folder';
import { type Command, Option } from 'commander';
import { buildOptions } from '../build/build-options.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { openRegistry } from '../host/open-registry.ts';
import { shortName } from '../host/short-name.ts';
import { collectText } from '../option-values.ts';
import { countOf, formatBytes } from '../output/measure.ts';
import { tableLines } from '../output/table.ts';
import { green, type Line, red, yellow } from '../output/text.ts';

type LockOptions = {
  readonly update?: readonly string[];
  readonly updateAll?: boolean;
  readonly platform?: readonly string[];
  readonly keep?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[path]', 'a folder with an img.yaml, or the file', '.')
    .addOption(
      new Option(
        '--update <package>',
        'take the newest version of a package, or of all that is built from a source; may be repeated',
      )
        .argParser(collectText)
        .conflicts('updateAll'),
    )
    .option('--update-all', 'take the newest version of everything')
    .option('--keep', 'store the packages in the registry beside the image, because mirrors delete old ones')
    .option('--platform <platform...>', 'instead of what img.yaml says, such as linux/arm64');
  addExamples(command, 'img lock', 'img lock --update openssl', 'img lock examples/web --update-all --keep');
  onRun(command, context, lock);
}

async function lock(session: Session, options: LockOptions, path: string): Promise<void> {
  const registry = session.config.registries.default;
  await using host = await openHost(session);
  await using client = options.keep === true ? openRegistry(session, registry) : undefined;
  const locked = await lockFolder(path, {
    ...buildOptions(session, host, options),
    updates: options.updateAll === true ? 'all' : options.update,
    keepFor: client && (({ name }) => client.repository(name, 'push')),
  });
  show(session, locked);
  if (client === undefined) return;
  const name = shortName({ registry, repository: locked.recipe.name }, session.config);
  session.output.story(`the packages are kept in ${name}; builds take what is made of them from there`);
}

function show({ output }: Session, { lockFile, before, lock, isChanged }: LockedFolder): void {
  const changes = lockChanges(before, lock);
  const { packages, layerBytes, newLayerBytes } = changes;
  const document = {
    lock: lockFile,
    isChanged,
    packages: packages.map(changeDocument),
    layerBytes,
    newLayerBytes,
  };
  output.result(document, () => changeLines(changes));
  if (!isChanged) {
    output.story(`${lockFile} says all this already`);
    return;
  }
  output.story(
    `${summaryOf(changes)}; ${formatBytes(newLayerBytes)} of ${formatBytes(layerBytes)} to transfer`,
  );
  output.story(`it is in ${lockFile}; keep it in version control`);
}

function changeDocument(change: PackageChange): object {
  const { platform, name, before, after } = change;
  const described = (found: DebianPackage | undefined) => {
    return found === undefined ? null : { version: found.version, sizeBytes: found.size, suite: found.suite };
  };
  return {
    platform,
    name,
    before: described(before),
    after: described(after),
    isSecurityFix: isSecurityFix(change),
  };
}

function changeLines({ packages }: LockChanges): readonly Line[] {
  const hasPlatforms = new Set(packages.map(({ platform }) => platform)).size > 1;
  const rows = packages.map((change): readonly Line[] => {
    const { platform, name, before, after } = change;
    return [
      before === undefined ? green('+') : after === undefined ? red('-') : yellow('~'),
      hasPlatforms ? `${name} (${platform})` : name,
      before?.version ?? '',
      after?.version ?? '',
      sizeText((after?.size ?? 0) - (before?.size ?? 0)),
      isSecurityFix(change) ? yellow('security') : (after?.suite ?? ''),
    ];
  });
  return tableLines(
    [
      { title: '' },
      { title: 'package' },
      { title: 'before' },
      { title: 'after' },
      { title: 'size', align: 'right' },
      { title: 'from' },
    ],
    rows,
  );
}

function sizeText(bytes: number): string {
  return `${bytes < 0 ? '-' : '+'}${formatBytes(Math.abs(bytes))}`;
}

function summaryOf({ packages }: LockChanges): string {
  const added = packages.filter(({ before }) => before === undefined).length;
  const removed = packages.filter(({ after }) => after === undefined).length;
  const parts = [
    [packages.length - added - removed, 'changed'],
    [added, 'new'],
    [removed, 'gone'],
  ] as const;
  const told = parts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${countOf(count, 'package')} ${what}`);
  const fixes = packages.filter(isSecurityFix).length;
  if (fixes > 0) told.push(`${fixes} of them from the security suite`);
  return told.length === 0 ? 'the same packages as before' : told.join(', ');
}
