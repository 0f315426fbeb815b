import { quote } from '@img/spec/quote';
import { signaturePredicateType } from './in-toto.ts';
import { SignError } from './sign-error.ts';

declare const predicateTypeBrand: unique symbol;

/** What kind of thing an attestation says, as a URI; never that of image signatures. */
export type PredicateType = string & { readonly [predicateTypeBrand]: true };

/** How an image was built (slsa.dev/spec/v1.0/provenance). */
export const provenanceType = 'https://slsa.dev/provenance/v1' as PredicateType;

/** That somebody has decided about an image by a policy (slsa.dev/spec/v1.0/verification_summary). */
export const verificationSummaryType = 'https://slsa.dev/verification_summary/v1' as PredicateType;

const spdxType = 'https://spdx.dev/Document';
const cycloneDxType = 'https://cyclonedx.org/bom';

/** The short names, most of them as cosign has them. */
const named: ReadonlyMap<string, readonly string[]> = new Map([
  ['provenance', [provenanceType]],
  ['sbom', [spdxType, cycloneDxType]],
  ['spdx', [spdxType]],
  ['cyclonedx', [cycloneDxType]],
  ['vsa', [verificationSummaryType]],
  ['vuln', ['https://cosign.sigstore.dev/attestation/vuln/v1']],
]);

export const predicateNames: readonly string[] = [...named.keys()];

/**
 * The types that somebody means: a short name, which may stand for several formats of one thing, or a URI.
 *
 * @throws SignError STATEMENT_INVALID; also for the type of image signatures, because a statement of that type would
 *   be one
 */
export function parsePredicateTypes(text: string): readonly PredicateType[] {
  const types = named.get(text);
  if (types !== undefined) return types as readonly PredicateType[];
  if (text === signaturePredicateType) {
    throw new SignError('STATEMENT_INVALID', `${quote(text)} is the type of signatures of images`, {
      hint: 'sign an image with img sign',
    });
  }
  if (/^[a-z][a-z0-9+.-]*:[\x21-\x7e]{1,500}$/.test(text) && URL.canParse(text))
    return [text as PredicateType];
  throw new SignError(
    'STATEMENT_INVALID',
    `type ${quote(text)} should be a URI or one of ${predicateNames.join(', ')}`,
  );
}

/**
 * The type of what somebody wants to attest: of several formats of one thing the one that the content has.
 *
 * @throws SignError STATEMENT_INVALID
 */
export function predicateTypeFor(
  text: string,
  predicate: { readonly [key: string]: unknown },
): PredicateType {
  const [first, ...others] = parsePredicateTypes(text);
  if (first !== undefined && others.length === 0) return first;
  if (typeof predicate['spdxVersion'] === 'string') return spdxType as PredicateType;
  if (predicate['bomFormat'] === 'CycloneDX') return cycloneDxType as PredicateType;
  throw new SignError('STATEMENT_INVALID', 'file is neither SPDX nor CycloneDX in JSON', {
    hint: 'give the type as a URI if it is something else',
  });
}
