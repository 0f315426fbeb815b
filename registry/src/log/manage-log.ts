import { signCheckpoint } from '@img/sign/log/checkpoint';
import { formatNoteKey, noteKey, parseNoteKey } from '@img/sign/log/note-key';
import { encodeNote } from '@img/sign/log/signed-note';
import { emptyRoot } from '@img/sign/log/tree-hash';
import { SignError } from '@img/sign/sign-error';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import { SpecError } from '@img/spec/spec-error';
import type { Context } from 'koa';
import type { OrganisationName } from '../accounts/account-names.ts';
import { unknown } from '../accounts/api-exchange.ts';
import { noteEvent } from '../metadata/accounts/events.ts';
import { findOrganisation } from '../metadata/accounts/organisations.ts';
import {
  findLog,
  insertLog,
  type LogRow,
  listWitnesses,
  replaceWitnesses,
  setLogVisibility,
} from '../metadata/log/logs.ts';
import type { Principal } from '../server/auth/access-policy.ts';
import { answerJson } from '../server/http/answer.ts';
import { readBody } from '../server/http/request-body.ts';
import type { Services } from '../server/services.ts';
import { type LogDocument, type WitnessAddress, witnessesFrom } from './log-document.ts';
import { makeLogKey, readLogSigner } from './log-key.ts';
import { publishCheckpoint } from './publish-checkpoint.ts';

const bodyBytes = 64 * 1024;

/** `GET /log?name=NAME`. */
export async function showLog(ctx: Context, { database }: Services, log: LogRow): Promise<void> {
  const { key } = await readLogSigner(database, log);
  const witnesses = await listWitnesses(database, log.id);
  answerJson(ctx, {
    namespace: log.namespace,
    key: formatNoteKey(key),
    size: log.published,
    visibility: log.isPublic ? 'public' : 'private',
    witnesses: witnesses.map(({ witness, url }) => ({ key: witness, url })),
  } satisfies LogDocument);
}

/** `PUT /log?name=ORGANISATION`: makes a log for what an organisation signs, or changes who reads and witnesses it. */
export async function putLog(
  ctx: Context,
  services: Services,
  { namespace, principal }: { readonly namespace: OrganisationName; readonly principal: Principal },
): Promise<void> {
  const { database, policy, clock } = services;
  if ((await policy.roleIn(principal, namespace)) !== 'admin') throw new ProtocolError('DENIED');
  if ((await findOrganisation(database, namespace)) === undefined) throw unknown('organisation', namespace);
  const { isPublic, witnesses } = await readSettings(ctx, services);
  // The registry itself sends what it has to them, from where it stands.
  if (witnesses !== undefined && !principal.isAdministrator) {
    throw new ProtocolError('DENIED', 'only administrators say who witnesses a log');
  }
  if ((await findLog(database, [namespace])) === undefined) await makeLog(ctx, services, namespace);
  const log = (await findLog(database, [namespace])) as LogRow;
  await database.transaction(async (writer) => {
    if (isPublic !== undefined) await setLogVisibility(writer, log.id, isPublic);
    if (witnesses !== undefined) {
      await replaceWitnesses(
        writer,
        log.id,
        witnesses.map(({ key, url }) => ({ witness: key, url })),
      );
    }
    const event = { at: clock(), actor: principal.name, action: 'set up log', subject: namespace };
    await noteEvent(writer, event);
  });
  await publishCheckpoint(services, log);
  await showLog(ctx, services, (await findLog(database, [namespace])) as LogRow);
}

async function makeLog(
  ctx: Context,
  { database, clock, publicUrl }: Services,
  namespace: OrganisationName,
): Promise<void> {
  const host = publicUrl === undefined ? ctx.host : new URL(publicUrl).host;
  const origin = `${host}/log/${namespace}`;
  const signer = await makeLogKey(database, namespace, clock());
  const key = noteKey('log', origin, signer.publicKey);
  const latest = encodeNote(await signCheckpoint({ origin, size: 0, root: emptyRoot }, key, signer));
  await database.transaction((writer) =>
    insertLog(writer, { namespace, origin, isPublic: false, latest }, clock()),
  );
}

type Settings = {
  readonly isPublic: boolean | undefined;
  readonly witnesses: readonly WitnessAddress[] | undefined;
};

/** @throws ProtocolError UNSUPPORTED with status 400 or 415 */
async function readSettings(ctx: Context, { limits }: Services): Promise<Settings> {
  // Other sites can make a browser send forms, with what it knows of passwords, but no JSON.
  if (ctx.request.type !== 'application/json') {
    const message = `the content should be application/json, not ${quote(ctx.request.type)}`;
    throw new ProtocolError('UNSUPPORTED', message, { status: 415 });
  }
  const bytes = await readBody(ctx, bodyBytes, limits);
  try {
    const fields = new JsonFields(parseJson(bytes, { maxBytes: bodyBytes }), 'log', 'JSON_INVALID');
    fields.onlyKeys(['visibility', 'witnesses']);
    const visibility = fields.optionalString('visibility');
    if (visibility !== undefined && visibility !== 'private' && visibility !== 'public') {
      throw new ProtocolError('UNSUPPORTED', 'the visibility should be private or public', { status: 400 });
    }
    const witnesses = fields.has('witnesses') ? witnessesFrom(fields) : undefined;
    for (const { key, url } of witnesses ?? []) checkWitness(key, url);
    return { isPublic: visibility === undefined ? undefined : visibility === 'public', witnesses };
  } catch (cause) {
    if (!(cause instanceof SpecError || cause instanceof SignError)) throw cause;
    throw new ProtocolError('UNSUPPORTED', cause.message, { status: 400, cause });
  }
}

function checkWitness(key: string, url: string): void {
  const isWeb = /^https?:$/.test(URL.parse(url)?.protocol ?? '');
  if (isWeb && parseNoteKey(key).kind === 'witness') return;
  const message = isWeb ? `${quote(key)} is no key of a witness` : `${quote(url)} is no address of a witness`;
  throw new ProtocolError('UNSUPPORTED', message, { status: 400 });
}
