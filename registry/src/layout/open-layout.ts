import { stat } from 'node:fs/promises';
import { quote } from '@img/spec/quote';
import { RegistryError } from '../registry-error.ts';
import { DockerArchiveSource, dockerManifestFile } from './docker-archive.ts';
import { folderFiles } from './layout-files.ts';
import { markerFile } from './layout-index.ts';
import { LayoutSource } from './layout-source.ts';
import { TarFiles } from './tar-files.ts';

/**
 * Opens images that lie in the file system: an OCI image layout in a folder or archive, or an archive that
 * `docker save` wrote. Close it.
 *
 * @throws RegistryError CONTENT_MISSING, LAYOUT_INVALID, ARCHIVE_INVALID
 */
export async function openLayout(path: string): Promise<LayoutSource | DockerArchiveSource> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new RegistryError('CONTENT_MISSING', `there is no image at ${quote(path)}`, { cause });
  });
  if (found.isDirectory()) return await LayoutSource.open(folderFiles(path));
  const files = await TarFiles.open(path);
  try {
    // Newer versions of Docker write both; the layout has the digests that a registry has.
    if ((await files.size(markerFile)) !== undefined) return await LayoutSource.open(files);
    if ((await files.size(dockerManifestFile)) !== undefined) return await DockerArchiveSource.open(files);
    throw new RegistryError(
      'ARCHIVE_INVALID',
      `${quote(path)} has neither ${markerFile} nor ${dockerManifestFile}, so it is no archive of images`,
    );
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}
