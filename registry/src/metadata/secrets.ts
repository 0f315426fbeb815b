import type { Reader, Writer } from './database.ts';

/** Reads a secret that all processes share; the first one of them keeps its own for all. */
export async function shareSecret(
  writer: Writer,
  { name, own }: { readonly name: string; readonly own: string },
  now: number,
): Promise<string> {
  await writer.run(
    'INSERT INTO secrets (name, value, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING',
    name,
    own,
    now,
  );
  const row = await writer.get<{ value: string }>('SELECT value FROM secrets WHERE name = $1', name);
  return (row as { value: string }).value;
}

/** A secret that is kept; undefined if there is none of the name. */
export async function readSecret(reader: Reader, name: string): Promise<string | undefined> {
  const row = await reader.get<{ value: string }>('SELECT value FROM secrets WHERE name = $1', name);
  return row?.value;
}
