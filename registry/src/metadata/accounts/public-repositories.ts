import type { RepositoryName } from '@img/spec/repository-name';
import type { Reader, Writer } from '../database.ts';

/** Whether everybody may pull a repository; it need not exist. */
export async function isPublic(reader: Reader, name: RepositoryName): Promise<boolean> {
  return (await reader.get('SELECT 1 AS found FROM public_repositories WHERE name = $1', name)) !== undefined;
}

/** Opens a repository to everybody, or closes it; says whether that changed anything. */
export async function setPublic(
  writer: Writer,
  name: RepositoryName,
  isOpen: boolean,
  now: number,
): Promise<boolean> {
  const changed = isOpen
    ? await writer.run(
        'INSERT INTO public_repositories (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING',
        name,
        now,
      )
    : await writer.run('DELETE FROM public_repositories WHERE name = $1', name);
  return changed > 0;
}
