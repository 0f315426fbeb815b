import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Reader } from './database.ts';

export type ReferrersQuery = {
  readonly repository: RepositoryName;
  readonly subject: Digest;
  readonly artifactType?: string | undefined;
  /** The digest after which the list begins. */
  readonly after?: string | undefined;
  readonly limit: number;
};

type ReferrerRow = {
  readonly digest: Digest;
  readonly media_type: string;
  readonly artifact_type: string | null;
  readonly annotations: string;
  readonly size: number;
};

/**
 * Descriptors of the manifests whose subject is the digest, in the order of their digests (distribution-spec,
 * "Listing Referrers": artifactType and annotations are those of the manifest).
 */
export async function listReferrers(
  reader: Reader,
  { repository, subject, artifactType, after = '', limit }: ReferrersQuery,
): Promise<readonly Descriptor[]> {
  const rows = await reader.all<ReferrerRow>(
    `SELECT m.digest, m.media_type, m.artifact_type, m.annotations, m.size
      FROM repositories r JOIN manifests m ON m.repository_id = r.id
      WHERE r.name = $1 AND m.subject = $2 AND m.digest > $3 ${artifactType === undefined ? '' : 'AND m.artifact_type = $5'}
      ORDER BY m.digest LIMIT $4`,
    repository,
    subject,
    after,
    limit,
    ...(artifactType === undefined ? [] : [artifactType]),
  );
  return rows.map(descriptorOf);
}

function descriptorOf({ digest, media_type, artifact_type, annotations, size }: ReferrerRow): Descriptor {
  const parsed = JSON.parse(annotations) as { readonly [key: string]: string };
  return {
    mediaType: media_type,
    digest,
    size,
    ...(artifact_type === null ? {} : { artifactType: artifact_type }),
    ...(Object.keys(parsed).length === 0 ? {} : { annotations: parsed }),
  };
}
