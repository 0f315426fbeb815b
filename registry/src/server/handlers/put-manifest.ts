import { type Digest, digestAlgorithm, digestOf } from '@img/spec/digest';
import { limits as specLimits } from '@img/spec/limits';
import { type Manifest, parseManifest } from '@img/spec/manifest';
import { bareMediaType, mediaTypes } from '@img/spec/media-types';
import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import { routePath } from '@img/spec/routes';
import { SpecError } from '@img/spec/spec-error';
import { isTag, type Tag } from '@img/spec/tag';
import type { Context } from 'koa';
import { type ManifestGaps, putManifest } from '../../metadata/put-manifest.ts';
import { admitTags } from '../admission/admit-tags.ts';
import { type RepositoryExchange, referenceParameter } from '../exchange.ts';
import { answerEmpty, parseEntityTags } from '../http/answer.ts';
import { readBody } from '../http/request-body.ts';

/** Types that say nothing about a manifest; its own mediaType decides. */
const vagueTypes: readonly string[] = ['', mediaTypes.json, mediaTypes.octetStream];

/** `PUT /v2/<name>/manifests/<reference>[?tag=…]` (distribution-spec, "Pushing Manifests"). */
export async function storeManifest(exchange: RepositoryExchange): Promise<void> {
  const { ctx, query, repository, parameter, caller, services } = exchange;
  const reference = referenceParameter(parameter);
  const extraTags = tagParameters(query, services.limits.tagsPerPush);
  const bytes = await readBody(ctx, specLimits.manifestBytes, services.limits, 'MANIFEST_INVALID');
  const digest = 'digest' in reference ? checkDigest(bytes, reference.digest) : digestOf(bytes);
  const manifest = parse(bytes, ctx);
  const tags = [...new Set([...('tag' in reference ? [reference.tag] : []), ...extraTags])];
  const put = { repository, digest, manifest, bytes, tags, checkTag: tagCondition(ctx) };
  const move = { actor: caller.name, now: services.clock() };
  const descriptor = { mediaType: manifest.mediaType, digest, size: bytes.byteLength };
  const gaps = await admitTags(services, { repository, descriptor, tags }, move, async (writer) => {
    const found = await putManifest(writer, put, move);
    refuseWrongSizes(found);
    return found;
  });
  services.recorder.wake();
  const { subject } = manifest;
  answerEmpty(ctx, 201, {
    Location: routePath.manifest(repository, digest),
    'Docker-Content-Digest': digest,
    ...(subject === undefined ? {} : { 'OCI-Subject': subject.digest }),
    ...(extraTags.length === 0 ? {} : { 'OCI-Tag': extraTags.join(', ') }),
    ...(gaps.missing.length === 0 ? {} : { Warning: missingWarning(gaps) }),
  });
}

function parse(bytes: Uint8Array, ctx: Context): Manifest {
  const contentType = bareMediaType(ctx.get('Content-Type'));
  try {
    return parseManifest(bytes, vagueTypes.includes(contentType) ? undefined : contentType);
  } catch (cause) {
    if (!(cause instanceof SpecError)) throw cause;
    throw new ProtocolError('MANIFEST_INVALID', cause.message, { cause });
  }
}

function checkDigest(bytes: Uint8Array, digest: Digest): Digest {
  const computed = digestOf(bytes, digestAlgorithm(digest));
  if (computed === digest) return digest;
  throw new ProtocolError('DIGEST_INVALID', `the manifest has the digest ${computed}, not ${digest}`);
}

function tagParameters(query: URLSearchParams, most: number): readonly Tag[] {
  const texts = [...new Set(query.getAll('tag'))];
  if (texts.length > most) {
    throw new ProtocolError('MANIFEST_INVALID', `${texts.length} tags are more than the ${most} allowed`, {
      status: 414,
    });
  }
  return texts.map((text) => {
    if (isTag(text)) return text;
    throw new ProtocolError('MANIFEST_INVALID', `${quote(text)} is not a tag`);
  });
}

/**
 * The client may say which manifest it means to replace (If-Match) or that there must be none (If-None-Match), so
 * that two clients that change one tag don't undo each other's work.
 */
function tagCondition(ctx: Context): (tag: Tag, current: Digest | undefined) => void {
  const wanted = parseEntityTags(ctx.get('If-Match'));
  const unwanted = parseEntityTags(ctx.get('If-None-Match'));
  const matches = (tags: readonly string[], current: Digest | undefined) =>
    current !== undefined && (tags.includes('*') || tags.includes(current));
  return (tag, current) => {
    const isMet = (wanted.length === 0 || matches(wanted, current)) && !matches(unwanted, current);
    if (isMet) return;
    throw new ProtocolError('MANIFEST_INVALID', `tag ${tag} now points at ${current ?? 'nothing'}`, {
      status: 412,
    });
  };
}

/** What is missing may come later; what is there with another size never fits. */
function refuseWrongSizes({ wrongSize: [first] }: ManifestGaps): void {
  if (first === undefined) return;
  const message = `${first.digest} doesn't have the ${first.size} bytes that the manifest says`;
  throw new ProtocolError('MANIFEST_INVALID', message, { detail: { digest: first.digest } });
}

function missingWarning({ missing }: ManifestGaps): string {
  const [first] = missing;
  const more = missing.length === 1 ? '' : ` and ${missing.length - 1} more`;
  return `299 - "the repository doesn't have ${first}${more}, which the manifest points at"`;
}
