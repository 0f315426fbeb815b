import { signAttestation } from '@img/sign/attestation';
import type { Content } from '@img/sign/content';
import type { TrustedDecision } from '@img/sign/decision';
import { verificationSummaryType } from '@img/sign/predicate-type';
import type { SignedImages } from '@img/sign/sign-image';
import type { Signer } from '@img/sign/signer';
import { encodeVerificationSummary } from '@img/sign/verification-summary';
import type { VerifyRequest } from '@img/sign/verify-image';
import type { Descriptor } from '@img/spec/descriptor';
import type { AdmissionPolicy } from './admission-policy.ts';

/** Who says so, and where people find it. */
export type Summarizer = {
  readonly signer: Signer;
  /** Where clients reach the registry; undefined if it doesn't know. */
  readonly publicUrl: string | undefined;
};

/** The registry's signed word that a tag was admitted, as a manifest to attach to the image, and its blobs. */
export async function summarize(
  { signer, publicUrl }: Summarizer,
  { name, digest }: Pick<AdmissionPolicy, 'name' | 'digest'>,
  subject: Descriptor,
  { request, decision }: { readonly request: VerifyRequest; readonly decision: TrustedDecision },
): Promise<{ readonly manifest: Content; readonly blobs: SignedImages['blobs'] }> {
  const uri =
    publicUrl === undefined ? undefined : `${publicUrl}/api/v1/repositories/${encodeURIComponent(name)}/rule`;
  const summary = {
    verifier: publicUrl ?? `urn:img-registry:${signer.publicKey.fingerprint}`,
    resource: packageUrl(request, publicUrl),
    policy: { digest, uri },
  };
  const { blobs, manifests } = await signAttestation(signer, {
    subject,
    name: imageName(request),
    predicateType: verificationSummaryType,
    predicate: encodeVerificationSummary(summary, request, decision),
    created: request.now,
  });
  return { manifest: manifests[0] as Content, blobs };
}

function imageName({ repository, tag }: VerifyRequest): string {
  return `${repository}:${tag}`;
}

/** https://github.com/package-url/purl-spec, type oci. */
function packageUrl({ repository, tag, digest }: VerifyRequest, publicUrl: string | undefined): string {
  const name = repository.slice(repository.lastIndexOf('/') + 1);
  const place = publicUrl === undefined ? {} : { repository_url: `${new URL(publicUrl).host}/${repository}` };
  return `pkg:oci/${name}@${encodeURIComponent(digest)}?${new URLSearchParams({ ...place, tag: String(tag) }).toString()}`;
}
