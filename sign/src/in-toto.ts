import { type Digest, digestAlgorithm, digestHex, parseDigest } from '@img/spec/digest';
import { JsonFields } from '@img/spec/json-fields';
import { limits } from '@img/spec/limits';
import { quote } from '@img/spec/quote';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import { type Annotations, annotationsFrom } from './annotation.ts';
import { readDocument } from './document.ts';
import { SignError } from './sign-error.ts';
import { type Claim, checkStatement, formatIdentity, parseIdentity, type Statement } from './statement.ts';
import { formatUnixTime, parseUnixTime } from './unix-time.ts';

/*
 * The statement as an in-toto statement (https://github.com/in-toto/attestation, spec/v1):
 *
 *     {"_type":"https://in-toto.io/Statement/v1",
 *      "subject":[{"name":"HOST/NAME:TAG","digest":{"sha256":"…"}}],
 *      "predicateType":"https://sigstore.dev/cosign/sign/v1",
 *      "predicate":{"repository":"NAME","tag":"TAG","seq":N,"issued":"…Z","expires":"…Z"}}
 *
 * Go's readers refuse unknown fields outside of the predicate, so everything of ours is inside. cosign writes no
 * name and no predicate: its statement is about a digest and nothing else.
 */

export const inTotoPayloadType = 'application/vnd.in-toto+json';

/** The predicate type of an image signature; a statement of any other type is no signature of an image. */
export const signaturePredicateType = 'https://sigstore.dev/cosign/sign/v1';

export const statementType = 'https://in-toto.io/Statement/v1';

/** The payload to sign. */
export function encodeInToto(claim: Claim, digest: Digest): Uint8Array {
  const { repository, tag, sequence, issued, expires, annotations } = claim;
  const statement = {
    _type: statementType,
    subject: [
      {
        name: formatIdentity(claim),
        digest: { [digestAlgorithm(digest)]: digestHex(digest) },
        ...(annotations && { annotations }),
      },
    ],
    predicateType: signaturePredicateType,
    predicate: {
      repository,
      ...(tag === undefined ? {} : { tag }),
      ...(sequence === undefined ? {} : { seq: sequence }),
      issued: formatUnixTime(issued),
      ...(expires === undefined ? {} : { expires: formatUnixTime(expires) }),
    },
  };
  return new TextEncoder().encode(JSON.stringify(statement));
}

/**
 * Reads a payload whose signature was verified.
 *
 * @returns undefined if it is a statement of another type than an image signature, such as an SBOM
 * @throws SignError BUNDLE_INVALID, STATEMENT_INVALID
 */
export function parseInToto(payload: Uint8Array): Statement | undefined {
  const kind = { name: 'statement', maxBytes: limits.signatureBytes, code: 'BUNDLE_INVALID' } as const;
  return readDocument(payload, kind, (fields) => {
    const type = fields.string('_type');
    if (type !== statementType) {
      throw new SignError(
        'BUNDLE_INVALID',
        `${fields.path('_type')} should be ${statementType}, not ${quote(type)}`,
      );
    }
    if (fields.string('predicateType') !== signaturePredicateType) return undefined;
    fields.onlyKeys(['_type', 'subject', 'predicateType', 'predicate']);
    const subject = subjectFrom(fields);
    const predicate = fields.optionalObject('predicate');
    const named = subject.name === undefined ? undefined : parseIdentity(subject.name, subject.digest);
    const statement = {
      registry: named?.registry,
      repository: named?.repository,
      tag: named?.tag,
      digest: subject.digest,
      sequence: undefined,
      issued: undefined,
      expires: undefined,
      ...(subject.annotations && { annotations: subject.annotations }),
    };
    // An empty predicate is what cosign's own library writes.
    if (predicate === undefined || predicate.keys().length === 0) return statement;
    return checkStatement({ ...statement, ...predicateFrom(predicate, statement) });
  });
}

type Subject = {
  readonly name: string | undefined;
  readonly digest: Digest;
  readonly annotations: Annotations | undefined;
};

function subjectFrom(fields: JsonFields): Subject {
  const subjects = fields.array('subject', limits.indexManifests);
  if (subjects.length !== 1) {
    throw new SignError(
      'BUNDLE_INVALID',
      `${fields.path('subject')} should be one image, not ${subjects.length}`,
    );
  }
  const subject = new JsonFields(subjects[0], `${fields.path('subject')}[0]`, 'JSON_INVALID');
  const digests = subject.object('digest');
  const [algorithm, ...others] = digests.keys();
  if (algorithm === undefined || others.length > 0) {
    throw new SignError('BUNDLE_INVALID', `${subject.path('digest')} should be one digest`);
  }
  return {
    name: subject.optionalString('name') || undefined,
    digest: parseDigest(`${algorithm}:${digests.string(algorithm)}`),
    annotations: annotationsFrom(subject.optionalObject('annotations')),
  };
}

function predicateFrom(
  fields: JsonFields,
  named: Pick<Statement, 'repository' | 'tag'>,
): Omit<Statement, 'registry' | 'digest'> {
  fields.onlyKeys(['repository', 'tag', 'seq', 'issued', 'expires']);
  const repository = parseRepositoryName(fields.string('repository'));
  const tagText = fields.optionalString('tag');
  const tag = tagText === undefined ? undefined : parseTag(tagText);
  // Other tools go by the name, we by the predicate: they must not be told different things.
  if (named.repository !== undefined && (named.repository !== repository || named.tag !== tag)) {
    throw new SignError(
      'STATEMENT_INVALID',
      'statement names one image in its subject and another in its predicate',
    );
  }
  const expires = fields.optionalString('expires');
  return {
    repository,
    tag,
    sequence: fields.optionalInteger('seq', 1),
    issued: parseUnixTime(fields.string('issued')),
    expires: expires === undefined ? undefined : parseUnixTime(expires),
  };
}
