import { parseNoteKey } from '@img/sign/log/note-key';
import { JsonFields } from '@img/spec/json-fields';
import { isOrganisationName, type OrganisationName } from '../accounts/account-names.ts';
import { RegistryError } from '../registry-error.ts';

/** A log, as its registry describes it to clients. */
export type LogDocument = {
  /** The organisation whose statements it has. */
  readonly namespace: OrganisationName;
  /** Its key, as hosts need it to believe its proofs; the name in it is where the log is. */
  readonly key: string;
  /** How many entries its published checkpoint has. */
  readonly size: number;
  readonly visibility: 'private' | 'public';
  readonly witnesses: readonly WitnessAddress[];
};

/** Who is asked to sign what the log has. */
export type WitnessAddress = { readonly key: string; readonly url: string };

const maxWitnesses = 16;

/** Where the registry tells of logs; with the name of a repository or organisation. */
export function logDocumentPath(name: string): string {
  return `/log?name=${encodeURIComponent(name)}`;
}

/** Where a log is, below the address of its registry. */
export function logPath(namespace: OrganisationName, rest: string): string {
  return `/log/${namespace}/${rest}`;
}

/** @throws RegistryError ANSWER_INVALID; SpecError, SignError for fields that can't be */
export function logDocumentFrom(fields: JsonFields): LogDocument {
  const namespace = fields.string('namespace');
  const visibility = fields.string('visibility');
  if (!isOrganisationName(namespace) || (visibility !== 'private' && visibility !== 'public')) {
    throw new RegistryError('ANSWER_INVALID', 'the registry describes a log that there can not be');
  }
  const key = fields.string('key');
  parseNoteKey(key);
  return { namespace, key, size: fields.integer('size', 0), visibility, witnesses: witnessesFrom(fields) };
}

/** @throws SpecError, SignError for fields that can't be */
export function witnessesFrom(fields: JsonFields): readonly WitnessAddress[] {
  return fields.array('witnesses', maxWitnesses).map((value, index) => {
    const witness = new JsonFields(value, `${fields.path('witnesses')}[${index}]`, 'JSON_INVALID');
    const key = witness.string('key');
    parseNoteKey(key);
    return { key, url: witness.string('url') };
  });
}
