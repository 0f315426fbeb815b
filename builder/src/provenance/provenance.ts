import { annotations } from '@img/spec/annotations';
import { type Digest, digestAlgorithm, digestHex } from '@img/spec/digest';
import type { JsonObject } from '@img/spec/json';
import { formatPlatform } from '@img/spec/platform';
import { profile } from '../deb/profile.ts';
import type { BuiltPlatform } from '../image/build-platform.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';

export type ProvenanceOptions = {
  readonly recipe: ImageRecipe;
  /** Of the img.yaml. */
  readonly recipeDigest: Digest;
  /** Annotations that say what it was built from, where the recipe has none: they need not be part of the image. */
  readonly checkout?: { readonly [key: string]: string } | undefined;
  /** Version of img. */
  readonly version: string;
  readonly startedAt: Date;
  readonly finishedAt: Date;
};

/** How the image of one platform was built: a predicate of SLSA v1 (slsa.dev/spec/v1.0/provenance). */
export function provenanceOf(
  { platform, lock, layers }: BuiltPlatform,
  options: ProvenanceOptions,
): JsonObject {
  const { recipe, recipeDigest, checkout = {}, version, startedAt, finishedAt } = options;
  const distribution = recipe.os.kind === 'named' ? recipe.os.name.replace(/:.*/, '') : 'debian';
  return {
    buildDefinition: {
      buildType: 'urn:img:build:v1',
      externalParameters: {
        recipe: { name: recipe.name, version: recipe.version, digest: digestSet(recipeDigest) },
        platform: formatPlatform(platform),
      },
      internalParameters: {
        profile,
        compression: [...new Set(layers.map(({ compression }) => compression))],
      },
      resolvedDependencies: [
        ...(recipe.os.kind === 'image' && lock.base !== undefined
          ? [{ name: recipe.os.from, digest: digestSet(lock.base) }]
          : []),
        ...sourceOf(recipe.annotations, checkout),
        ...lock.releases.map(({ suite, date, digest, keyFingerprint }) => ({
          name: `InRelease of ${suite}`,
          digest: digestSet(digest),
          annotations: { date, keyFingerprint },
        })),
        ...lock.packages.map(({ name, version: packageVersion, architecture, digest }) => ({
          uri: `pkg:deb/${distribution}/${encodeURIComponent(name)}@${encodeURIComponent(packageVersion)}?arch=${architecture}`,
          digest: digestSet(digest),
        })),
        ...(lock.files ?? []).map(({ path, digest }) => ({ name: path, digest: digestSet(digest) })),
      ],
    },
    runDetails: {
      builder: { id: 'urn:img:builder', version: { img: version } },
      metadata: { startedOn: startedAt.toISOString(), finishedOn: finishedAt.toISOString() },
    },
  };
}

/** The commit that the recipe names, or else the checkout does. Its address is of the same: others may not have it. */
function sourceOf(
  written: ImageRecipe['annotations'],
  checkout: { readonly [key: string]: string },
): readonly JsonObject[] {
  const from = written.has(annotations.revision) ? written : new Map(Object.entries(checkout));
  const revision = from.get(annotations.revision);
  // A checkout with changes is none that others could get.
  if (revision === undefined || !/^[0-9a-f]{40,64}$/.test(revision)) return [];
  const source = from.get(annotations.source);
  return [{ ...(source === undefined ? {} : { uri: source }), digest: { gitCommit: revision } }];
}

function digestSet(digest: Digest): JsonObject {
  return { [digestAlgorithm(digest)]: digestHex(digest) };
}
