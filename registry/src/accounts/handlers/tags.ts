import type { RepositoryName } from '@img/spec/repository-name';
import type { Reader } from '../../metadata/database.ts';
import { deleteTag } from '../../metadata/delete-manifest.ts';
import { findRepository } from '../../metadata/repositories.ts';
import { listTagStates, type TagState } from '../../metadata/tag-states.ts';
import { listTagHistory } from '../../metadata/tags.ts';
import { pointAdmittedTag } from '../../server/admission/point-admitted-tag.ts';
import { readPage } from '../../server/http/page.ts';
import {
  type ApiHandler,
  conflict,
  digestOf,
  repositoryName,
  tagName,
  timeText,
  unknown,
} from '../api-exchange.ts';
import type { AnswerOf } from '../api-routes.ts';

const mostTags = 1000;
const mostMoves = 1000;

export const showTags: ApiHandler<'listTags'> = async ({ services, parameters, query }) => {
  const id = await repositoryId(services.database, repositoryName(parameters.repository));
  const limit = Math.max(readPage(query, mostTags).limit, 1);
  const page = { after: query.get('after') ?? '', limit: limit + 1 };
  const states = await listTagStates(services.database, id, page);
  const tags = states.slice(0, limit).map(tagAnswer);
  const next = states.length > limit ? tags.at(-1)?.tag : undefined;
  return { tags, ...(next === undefined ? {} : { next }) };
};

export const moveTag: ApiHandler<'putTag'> = async ({ services, principal, parameters, body }) => {
  const repository = repositoryName(parameters.repository);
  const tag = tagName(parameters.tag);
  const { current } = body;
  const digest = digestOf(body.digest);
  const move = { actor: principal.name, now: services.clock() };
  const result = await pointAdmittedTag(services, repository, { tag, digest, current }, move);
  if (result.kind === 'unknown') throw unknown('image', `${repository}@${digest}`);
  if (result.kind === 'moved') throw conflict(`tag ${tag} now points at ${result.to ?? 'nothing'}`);
  return undefined;
};

export const removeTag: ApiHandler<'deleteTag'> = async ({ services, principal, parameters }) => {
  const repository = repositoryName(parameters.repository);
  const tag = tagName(parameters.tag);
  const move = { actor: principal.name, now: services.clock() };
  const isDeleted = await services.database.transaction((writer) => deleteTag(writer, repository, tag, move));
  if (!isDeleted) throw unknown('tag', `${repository}:${tag}`);
  return undefined;
};

export const showTagHistory: ApiHandler<'listTagHistory'> = async ({ services, parameters, query }) => {
  const repository = repositoryName(parameters.repository);
  const tag = tagName(parameters.tag);
  const id = await repositoryId(services.database, repository);
  const { limit } = readPage(query, mostMoves);
  const moves = await listTagHistory(services.database, id, tag, Math.max(limit, 1));
  if (moves.length === 0) throw unknown('tag', `${repository}:${tag}`);
  return moves.map(({ digest, actor, at, is_stored }) => ({
    ...(digest === null ? {} : { digest }),
    actor,
    at: timeText(at),
    isStored: is_stored === 1,
  }));
};

/** @throws ProtocolError NAME_UNKNOWN */
async function repositoryId(reader: Reader, repository: RepositoryName): Promise<number> {
  const id = await findRepository(reader, repository);
  if (id === undefined) throw unknown('repository', repository);
  return id;
}

/** A tag as answers have it. */
export function tagAnswer({
  tag,
  digest,
  updated_at,
  pulled_at,
}: TagState): AnswerOf<'listTags'>['tags'][number] {
  return {
    tag,
    digest,
    pushedAt: timeText(updated_at),
    ...(pulled_at === null ? {} : { pulledAt: timeText(pulled_at) }),
  };
}
