import type { Host } from '@img/runtime/host';
import type { Session } from '../command.ts';
import { countOf, formatBytes } from '../output/measure.ts';
import { tableLines } from '../output/table.ts';
import { imageInventory } from './image-inventory.ts';
import { shortDigest } from './short-name.ts';

/** Prints the layers of an image, lowest first: their sizes, and what is in them. */
export async function inspectLayers(
  session: Session,
  host: Host,
  text: string,
  platform: string | undefined,
): Promise<void> {
  const { manifest, config, digest, inventory } = await imageInventory(session, host, text, { platform });
  const steps = config.history.filter(({ emptyLayer }) => !emptyLayer);
  const layers = manifest.layers.map(({ digest: blob, size }, index) => {
    const diffId = config.diffIds[index];
    const packages = inventory.packages.filter(({ layer }) => layer === diffId);
    const files = [...inventory.files.values()].filter(({ layer }) => layer === diffId).length;
    const createdBy = steps.length === manifest.layers.length ? steps[index]?.createdBy : undefined;
    return {
      digest: blob,
      diffId: diffId ?? null,
      sizeBytes: size,
      files,
      createdBy: createdBy ?? null,
      packages: packages.map(({ type, name, version, part }) => {
        return { type, name, version, ...(part === undefined ? {} : { part }) };
      }),
    };
  });
  session.output.result({ digest, layers }, () => {
    const rows = layers.map(({ digest: blob, sizeBytes, files, packages, createdBy }) => {
      const [first, ...others] = packages.map(({ name, version, part }) => {
        return `${part === undefined ? name : `${name}/${part}`} ${version}`;
      });
      const more = others.length === 0 ? '' : ` and ${countOf(others.length, 'package')} more`;
      const what = first === undefined ? (createdBy ?? '').replace(/^img: /, '').slice(0, 80) : first + more;
      return [shortDigest(blob), formatBytes(sizeBytes), String(files), what];
    });
    const columns = [
      { title: 'layer' },
      { title: 'size', align: 'right' },
      { title: 'files', align: 'right' },
      { title: 'holds' },
    ] as const;
    return tableLines(columns, rows);
  });
}
