import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuiltImage } from '@img/builder/build-image';
import { writeDockerArchive } from '@img/builder/output/write-docker-archive';
import { writeRootfs } from '@img/builder/output/write-rootfs';
import { ArchiveTarget } from '@img/registry/layout/archive-target';
import { LayoutTarget } from '@img/registry/layout/layout-target';
import { openLayout } from '@img/registry/layout/open-layout';
import type { ContentTarget } from '@img/registry/transfer/content';
import { readImage } from '@img/runtime/read-image';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import type { Session } from '../command.ts';

/** Where a build goes instead of this host's images. Close it. */
export type BuildOutput = AsyncDisposable & {
  readonly target: ContentTarget;
  /** Makes what was built visible. */
  readonly finish: (image: BuiltImage) => Promise<void>;
};

/** @throws CliError USAGE */
export async function openOutput(text: string, session: Session): Promise<BuildOutput> {
  const [, kind, path = ''] = /^(oci|oci-archive|docker-archive|rootfs):(.+)$/s.exec(text) ?? [];
  const nothing = async (): Promise<void> => undefined;
  switch (kind) {
    case 'oci':
      return { target: await LayoutTarget.open(path), finish: nothing, [Symbol.asyncDispose]: nothing };
    case 'oci-archive': {
      const target = await ArchiveTarget.create(path);
      const finish = () => target.commit({ signal: session.signal });
      return { target, finish, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() };
    }
    case 'docker-archive':
    case 'rootfs':
      return await openExport({ kind, path }, session);
    default:
      throw new CliError('USAGE', `${quote(text)} is no place for an image`, {
        hint: 'write oci:FOLDER, oci-archive:FILE, docker-archive:FILE or rootfs:FOLDER',
      });
  }
}

/** Builds into a layout of its own, and writes another form of it when it is complete. */
async function openExport(
  { kind, path }: { readonly kind: 'docker-archive' | 'rootfs'; readonly path: string },
  { config, signal }: Session,
): Promise<BuildOutput> {
  const folder = join(config.cacheFolder, `output-${randomBytes(6).toString('hex')}`);
  const target = await LayoutTarget.open(folder);
  const finish = async ({ name, tags, images }: BuiltImage): Promise<void> => {
    const [built, ...others] = images;
    if (built === undefined || others.length > 0) {
      throw new CliError('USAGE', `${kind}: holds the image of one platform`, { hint: 'add --platform' });
    }
    await using source = await openLayout(folder);
    const image = await readImage(built.manifest, source, built.platform, { signal });
    if (kind === 'rootfs') return await writeRootfs(image, source, path, { signal });
    const names = tags.map((tag) => `${name}:${tag}`);
    await writeDockerArchive(image, source, path, { names, temporaryFolder: folder, signal });
  };
  const remove = () => rm(folder, { recursive: true, force: true });
  return { target, finish, [Symbol.asyncDispose]: remove };
}
