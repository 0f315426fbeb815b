import { readdir } from 'node:fs/promises';
import { isRepositoryName, type RepositoryName } from '@img/spec/repository-name';

/** No name of a repository has this character, so no folder of one lies in that of another. */
const separator = '+';

/** The folder for the layout of a repository, among those of others. */
export function repositoryFolder(name: RepositoryName): string {
  return name.replaceAll('/', separator);
}

/** The repositories that have a folder in a folder, in byte order; what has another kind of name is passed over. */
export async function listRepositoryFolders(folder: string): Promise<readonly RepositoryName[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name.replaceAll(separator, '/'))
    .filter(isRepositoryName)
    .toSorted();
}
