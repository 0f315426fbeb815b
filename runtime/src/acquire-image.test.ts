import type { Claim } from '@img/sign/statement';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { testClaim } from '@img/sign/testing/test-claim';
import { testKey } from '@img/sign/testing/test-keys';
import { testPolicy, testRule } from '@img/sign/testing/test-policy';
import { parseRegistryHost } from '@img/spec/registry-host';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { type AcquireRequest, acquireImage, type ImageAccess } from './acquire-image.ts';
import { image } from './config/testing.ts';
import { MemoryRepository } from './testing/memory-repository.ts';
import { putTestImage, signTestImage } from './testing/test-image.ts';
import { SequenceMemory } from './trust/sequence-memory.ts';

const tag = parseTag('1.0');
const repository = parseRepositoryName('com.example.app');
const [alice, mallory] = [testKey(1), testKey(2)];
const config = image({ config: { cmd: ['one'] } });

/** A registry and a host that has nothing yet and trusts Alice. */
function setUp(t: ExecutionContext) {
  const remote = new MemoryRepository('registry.example/com.example.app');
  const local = new MemoryRepository('com.example.app');
  const pulls: string[] = [];
  const access: ImageAccess = {
    local,
    remote,
    pull: async (content, options) => {
      pulls.push(content.descriptor.digest);
      for (const [digest, bytes] of remote.blobs) local.blobs.set(digest, bytes);
      for (const manifest of remote.manifests.values()) await local.putManifest(manifest);
      for (const [name, digest] of remote.tags) if (name.endsWith('.sig')) local.tags.set(name, digest);
      await local.putManifest(content, options);
    },
  };
  const trust = {
    policy: testPolicy(testRule('com.example.', 1, ['alice'])),
    memory: new SequenceMemory(temporaryFolder(t)),
  };
  const acquire = (changes: Partial<AcquireRequest> = {}) =>
    acquireImage(
      {
        registry: parseRegistryHost('registry.example'),
        repository,
        tag,
        digest: undefined,
        pull: 'missing',
        trust,
        acceptsUnsigned: false,
        now: new Date('2026-11-25T00:00:00Z'),
        ...changes,
      },
      access,
    );
  const publish = async (sequence: number, cmd: string, key = alice, claim: Partial<Claim> = {}) => {
    const content = await putTestImage(remote, image({ config: { cmd: [cmd] } }), { tag });
    await signTestImage(remote, key, { ...testClaim, sequence, ...claim }, content);
    return content.descriptor.digest;
  };
  return { remote, local, pulls, trust, acquire, publish };
}

test('acquireImage() fetches what is missing, and asks nobody the next time', async (t) => {
  const { acquire, publish, pulls, remote } = setUp(t);
  const digest = await publish(1, 'one');
  const first = await acquire();
  t.is(first.content.descriptor.digest, digest);
  t.true(first.decision.trusted);
  t.deepEqual(pulls, [digest]);
  remote.requests.length = 0;
  t.is((await acquire()).content.descriptor.digest, digest);
  t.deepEqual(remote.requests, [], 'also offline');
});

test('acquireImage() asks at every start if told so', async (t) => {
  const { acquire, publish } = setUp(t);
  await publish(1, 'one');
  await acquire();
  const newer = await publish(2, 'two');
  t.not((await acquire()).content.descriptor.digest, newer);
  t.is((await acquire({ pull: 'always' })).content.descriptor.digest, newer);
});

test('acquireImage() asks for a digest only once, for it never changes', async (t) => {
  const { acquire, publish, remote } = setUp(t);
  const digest = await publish(1, 'one');
  await acquire({ digest });
  remote.requests.length = 0;
  await acquire({ digest, pull: 'always' });
  t.deepEqual(remote.requests, []);
});

test('acquireImage() never asks if told so', async (t) => {
  const { acquire, publish, remote } = setUp(t);
  await publish(1, 'one');
  await t.throwsAsync(acquire({ pull: 'never' }), {
    code: 'IMAGE_MISSING',
    message: /com\.example\.app:1\.0 is not on this host$/,
  });
  t.deepEqual(remote.requests, []);
});

test('acquireImage() names the registry that lacks the image', async (t) => {
  await t.throwsAsync(setUp(t).acquire(), { code: 'IMAGE_MISSING', message: /^registry\.example/ });
});

test('acquireImage() decides before it fetches', async (t) => {
  const { acquire, publish, pulls, local } = setUp(t);
  await publish(1, 'one', mallory);
  const error = await t.throwsAsync(acquire(), { name: 'RuntimeError', code: 'NOT_TRUSTED' });
  t.like(error, { decision: { trusted: false, code: 'UNTRUSTED_KEY' } });
  t.deepEqual(pulls, []);
  t.is(local.manifests.size + local.blobs.size, 0, 'nothing of it is on the host');
});

test('acquireImage() decides again at each start: a key that is taken back stops the next one', async (t) => {
  const { acquire, publish, trust } = setUp(t);
  await publish(1, 'one');
  await acquire();
  const changed = { ...trust, policy: testPolicy(testRule('com.example.', 1, ['bob'])) };
  const error = await t.throwsAsync(acquire({ trust: changed, pull: 'never' }), { code: 'NOT_TRUSTED' });
  t.like(error, { decision: { code: 'UNTRUSTED_KEY' } });
});

test('acquireImage() decides again at each start: a signature that has expired stops the next one', async (t) => {
  const { acquire, publish } = setUp(t);
  await publish(1, 'one');
  await acquire();
  const error = await t.throwsAsync(acquire({ now: new Date('2027-11-25T00:00:00Z') }), {
    code: 'NOT_TRUSTED',
  });
  t.like(error, { decision: { code: 'EXPIRED' } });
});

test('acquireImage() refuses a registry that brings back an older image', async (t) => {
  const { acquire, publish, remote, local } = setUp(t);
  const old = await publish(1, 'one');
  await publish(2, 'two');
  await acquire();
  remote.tags.set(tag, old);
  const error = await t.throwsAsync(acquire({ pull: 'always' }), { code: 'NOT_TRUSTED' });
  t.like(error, { decision: { code: 'ROLLBACK' } });
  local.tags.set(tag, old);
  local.manifests.set(old, remote.manifests.get(old) ?? t.fail());
  t.like(await t.throwsAsync(acquire({ pull: 'never' })), { decision: { code: 'ROLLBACK' } });
});

test('acquireImage() refuses an image signed for another tag, but takes it by digest', async (t) => {
  const { acquire, publish } = setUp(t);
  const digest = await publish(1, 'one', alice, { tag: parseTag('2.0') });
  t.like(await t.throwsAsync(acquire()), { code: 'NOT_TRUSTED', decision: { code: 'OTHER_TAG' } });
  t.true((await acquire({ digest })).decision.trusted);
});

test('acquireImage() runs what nobody signed only if told so, and remembers nothing', async (t) => {
  const { acquire, remote, trust } = setUp(t);
  await putTestImage(remote, config, { tag });
  t.like(await t.throwsAsync(acquire()), { decision: { code: 'UNSIGNED' } });
  const { decision } = await acquire({ acceptsUnsigned: true });
  t.like(decision, { trusted: false, code: 'UNSIGNED' });
  t.is(await trust.memory.recall({ repository, tag }), undefined);
});

test('acquireImage() trusts a signature that is fine though none was demanded', async (t) => {
  const { acquire, publish } = setUp(t);
  await publish(1, 'one');
  t.true((await acquire({ acceptsUnsigned: true })).decision.trusted);
});

test('acquireImage() refuses when every signature on the host was changed after the pull', async (t) => {
  const { acquire, publish, local } = setUp(t);
  await publish(1, 'one');
  await acquire();
  for (const [digest, bytes] of local.blobs) {
    const changed = Uint8Array.from(bytes);
    changed[changed.length - 3] = (changed.at(-3) ?? 0) ^ 1;
    local.blobs.set(digest, changed);
  }
  await t.throwsAsync(acquire(), {
    code: 'IMAGE_DAMAGED',
    message: /^registry\.example\/com\.example\.app:1\.0 was changed/,
  });
});
