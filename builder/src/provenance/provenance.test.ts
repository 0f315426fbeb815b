import { digestHex } from '@img/spec/digest';
import test from 'ava';
import { TestSystem } from '../testing/test-system.ts';
import { provenanceOf } from './provenance.ts';

test('provenanceOf() names the recipe, the commit, the index and every package with its digest', async (t) => {
  const system = await TestSystem.start(t, 'packages: [tool]\n');
  const revision = 'a'.repeat(40);
  const found = { 'org.opencontainers.image.revision': revision };
  const { image, recipe, recipeDigest } = await system.build({ annotationsFor: async () => found });
  const [built] = image.images;
  if (built === undefined) throw new Error('nothing was built');
  const at = new Date('2026-11-22T10:00:00Z');
  const predicate = provenanceOf(built, {
    recipe,
    recipeDigest,
    version: '1.0.0',
    startedAt: at,
    finishedAt: at,
  });
  const other = await system.build();
  const [plain] = other.image.images;
  const options = { recipe: other.recipe, recipeDigest, version: '1.0.0', startedAt: at, finishedAt: at };
  const commitsOf = (checkout?: { readonly [key: string]: string }) => {
    const { buildDefinition } = provenanceOf(plain ?? built, { ...options, checkout }) as {
      buildDefinition: { resolvedDependencies: readonly { digest: { gitCommit?: string } }[] };
    };
    return buildDefinition.resolvedDependencies.flatMap(({ digest }) => digest.gitCommit ?? []);
  };
  t.deepEqual(commitsOf(), []);
  t.deepEqual(commitsOf(found), [revision]);
  t.deepEqual(commitsOf({ 'org.opencontainers.image.revision': `${revision}-dirty` }), []);
  const address = 'https://example.com/packaging';
  const checkout = { ...found, 'org.opencontainers.image.source': address };
  const sourcesOf = (written: { readonly [key: string]: string }): readonly object[] => {
    const recipe = { ...other.recipe, annotations: new Map(Object.entries(written)) };
    const { buildDefinition } = provenanceOf(plain ?? built, { ...options, recipe, checkout }) as {
      buildDefinition: { resolvedDependencies: readonly { digest: { gitCommit?: string } }[] };
    };
    return buildDefinition.resolvedDependencies.filter(({ digest }) => digest.gitCommit !== undefined);
  };
  t.deepEqual(sourcesOf({}), [{ uri: address, digest: { gitCommit: revision } }]);
  const upstream = { 'org.opencontainers.image.revision': 'b'.repeat(40) };
  t.deepEqual(sourcesOf(upstream), [{ digest: { gitCommit: 'b'.repeat(40) } }], 'not of that checkout');
  const elsewhere = { 'org.opencontainers.image.source': 'https://example.com/upstream' };
  t.deepEqual(sourcesOf(elsewhere), sourcesOf({}), 'nor has the other place this commit');
  const [release] = built.lock.releases;
  t.deepEqual(JSON.parse(JSON.stringify(predicate)), {
    buildDefinition: {
      buildType: 'urn:img:build:v1',
      externalParameters: {
        recipe: { name: 'com.example.app', version: '1.2.3', digest: { sha256: digestHex(recipeDigest) } },
        platform: 'linux/amd64',
      },
      internalParameters: { profile: image.lock?.profile, compression: ['zstd'] },
      resolvedDependencies: [
        { digest: { gitCommit: revision } },
        {
          name: 'InRelease of trixie',
          digest: { sha256: release === undefined ? '' : digestHex(release.digest) },
          annotations: { date: release?.date, keyFingerprint: release?.keyFingerprint },
        },
        ...built.lock.packages.map(({ name, version, architecture, digest }) => ({
          uri: `pkg:deb/debian/${name}@${version}?arch=${architecture}`,
          digest: { sha256: digestHex(digest) },
        })),
      ],
    },
    runDetails: {
      builder: { id: 'urn:img:builder', version: { img: '1.0.0' } },
      metadata: { startedOn: at.toISOString(), finishedOn: at.toISOString() },
    },
  });
});
