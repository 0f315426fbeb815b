import { type NoteKey, noteKey } from '@img/sign/log/note-key';
import { generatePrivateKey, type PrivateKey, privateKeyFromPkcs8 } from '@img/sign/private-key';
import type { OrganisationName } from '../accounts/account-names.ts';
import type { Database, Reader } from '../metadata/database.ts';
import { readSecret, shareSecret } from '../metadata/secrets.ts';

/** With what a log signs. */
export type LogSigner = { readonly key: NoteKey; readonly signer: PrivateKey };

/** The key of a new log; of several processes that make it at the same time, all get the same one. */
export async function makeLogKey(
  database: Database,
  namespace: OrganisationName,
  now: number,
): Promise<PrivateKey> {
  const own = Buffer.from(generatePrivateKey().toPkcs8()).toString('base64');
  const text = await database.transaction((writer) =>
    shareSecret(writer, { name: secretName(namespace), own }, now),
  );
  return parse(text);
}

/** The key of a log that is there. */
export async function readLogSigner(
  reader: Reader,
  { namespace, origin }: { readonly namespace: OrganisationName; readonly origin: string },
): Promise<LogSigner> {
  const signer = parse((await readSecret(reader, secretName(namespace))) ?? '');
  return { key: noteKey('log', origin, signer.publicKey), signer };
}

function secretName(namespace: OrganisationName): string {
  return `log-key/${namespace}`;
}

// To check that a key is a good one takes longer than everything else about an entry.
const checked = new Map<string, PrivateKey>();
const mostChecked = 100;

function parse(text: string): PrivateKey {
  const known = checked.get(text);
  if (known !== undefined) return known;
  const key = privateKeyFromPkcs8(Buffer.from(text, 'base64'));
  if (checked.size >= mostChecked) checked.clear();
  checked.set(text, key);
  return key;
}
