import { diffInventories, type InventoryDiff } from '@img/builder/inventory/diff-inventories';
import type { FoundPackage } from '@img/builder/inventory/inventory';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { imageInventory } from '../host/image-inventory.ts';
import { openHost } from '../host/open-host.ts';
import { countOf, formatBytes } from '../output/measure.ts';
import { tableLines } from '../output/table.ts';
import type { Line } from '../output/text.ts';

type DiffOptions = { readonly platform?: string };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<before>', 'an image of this host, or of its registry if this host has none')
    .argument('<after>', 'another one')
    .option('--platform <platform>', 'which image of an index; by default that for this host');
  addExamples(command, 'img diff com.example.app:1.0.0 com.example.app:1.1.0');
  onRun(command, context, diff);
}

async function diff(session: Session, options: DiffOptions, before: string, after: string): Promise<void> {
  await using host = await openHost(session);
  const how = { platform: options.platform, isHashing: true };
  const first = await imageInventory(session, host, before, how);
  const second = await imageInventory(session, host, after, how);
  const found = diffInventories(first.inventory, second.inventory);
  const blobs = (image: typeof first) => image.manifest.layers.reduce((sum, { size }) => sum + size, 0);
  const known = new Set(first.manifest.layers.map(({ digest }) => digest));
  const added = second.manifest.layers.filter(({ digest }) => !known.has(digest));
  const transfer = added.reduce((sum, { size }) => sum + size, 0);
  const layers = { added: added.length, all: second.manifest.layers.length, transferBytes: transfer };
  const document = {
    before: first.digest,
    after: second.digest,
    ...found,
    layers,
    compressedBytes: blobs(second) - blobs(first),
  };
  session.output.result(document, () => [...packageLines(found), ...sizeLines(found, layers)]);
}

function packageLines({ added, removed, changed }: InventoryDiff): readonly Line[] {
  const name = ({ type, name: text, part }: FoundPackage) => {
    return `${type} ${part === undefined ? text : `${text}/${part}`}`;
  };
  const rows = [
    ...changed.map(({ before, after }) => ['~', name(after), before.version, after.version]),
    ...added.map((found) => ['+', name(found), '', found.version]),
    ...removed.map((found) => ['-', name(found), found.version, '']),
  ];
  return tableLines([{ title: '' }, { title: 'package' }, { title: 'before' }, { title: 'after' }], rows);
}

function sizeLines(
  { files, sizeBytes }: InventoryDiff,
  layers: { readonly added: number; readonly all: number; readonly transferBytes: number },
): readonly Line[] {
  const sign = sizeBytes < 0 ? '-' : '+';
  return [
    `${countOf(files.added, 'file')} added, ${files.removed} removed, ${files.changed} changed; ${sign}${formatBytes(Math.abs(sizeBytes))} unpacked`,
    `${layers.added} of ${countOf(layers.all, 'layer')} new, ${formatBytes(layers.transferBytes)} to transfer`,
  ];
}
