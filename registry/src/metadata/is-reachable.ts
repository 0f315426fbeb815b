import type { Reader } from './database.ts';

/** Whether the database answers a question that needs no table. */
export async function isReachable(reader: Reader): Promise<boolean> {
  try {
    return (await reader.get('SELECT 1')) !== undefined;
  } catch {
    return false;
  }
}
