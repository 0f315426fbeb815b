import type { Claim } from '@img/sign/statement';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { testClaim } from '@img/sign/testing/test-claim';
import { testKey } from '@img/sign/testing/test-keys';
import { testPolicy, testRule } from '@img/sign/testing/test-policy';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import type { AppDefinition } from '../apps/app-definition.ts';
import { image } from '../config/testing.ts';
import { MemoryRepository } from '../testing/memory-repository.ts';
import { putTestImage, signTestImage } from '../testing/test-image.ts';
import { SequenceMemory } from '../trust/sequence-memory.ts';
import { findUpdate } from './find-update.ts';
import { parseVersion } from './version.ts';

const now = Math.floor(Date.now() / 1000);
const name = 'registry.example:5000/com.example.app';

class TaggedRepository extends MemoryRepository {
  async *listTags(): AsyncGenerator<string> {
    yield* this.tags.keys();
  }
}

/** A repository whose tags are images of their own, of which some nobody has signed. */
async function repositoryOf(tags: readonly (readonly [tag: string, isSigned: boolean])[]) {
  const repository = new TaggedRepository('registry.example:5000/com.example.app');
  for (const [text, isSigned] of tags) {
    const tag = parseTag(text);
    const content = await putTestImage(repository, image({ config: { cmd: [text] } }), { tag });
    const claim = { ...testClaim, tag, sequence: 1, issued: now, expires: now + 3600 } as Claim;
    if (isSigned) await signTestImage(repository, testKey(1), claim, content);
  }
  return repository;
}

async function find(
  t: ExecutionContext,
  definition: AppDefinition,
  tags: readonly (readonly [tag: string, isSigned: boolean])[],
  atLeast?: string,
) {
  const trust = {
    policy: testPolicy(testRule('com.example.', 1, ['alice'])),
    memory: new SequenceMemory(temporaryFolder(t)),
  };
  const { found, refused } = await findUpdate(definition, await repositoryOf(tags), trust, {
    now: new Date(),
    atLeast: atLeast === undefined ? undefined : parseVersion(atLeast),
  });
  return [found?.source.tag, refused.map(({ source }) => source.tag)] as const;
}

const all = [
  ['latest', true],
  ['1.4.0', true],
  ['1.5.0', true],
  ['1.6.0', false],
  ['1.7.0-rc.1', true],
  ['2.0.0', true],
  ['stable', false],
] as const;

for (const [definition, atLeast, found, refused, reason] of [
  [{ image: `${name}:latest` }, undefined, 'latest', [], 'what the tag means'],
  [{ image: `${name}:stable` }, undefined, undefined, ['stable'], 'nothing that nobody has signed'],
  [{ image: `${name}:stable`, insecure: ['signature'] }, undefined, 'stable', [], 'unless that was given up'],
  [{ image: `${name}:absent` }, undefined, undefined, [], 'nothing that is not there'],
  [{ image: `${name}:latest`, version: '^1.4' }, undefined, '1.5.0', ['1.6.0'], 'the newest that is trusted'],
  [
    { image: `${name}:latest`, version: '^1.4' },
    '1.6.0',
    undefined,
    ['1.6.0'],
    'nothing older than what runs',
  ],
  [{ image: `${name}:latest`, version: '~1.4' }, undefined, '1.4.0', [], 'the newest of a narrow range'],
  [{ image: `${name}:latest`, version: '>=1' }, undefined, '2.0.0', [], 'the newest of all'],
  [{ image: `${name}:latest`, version: '^3' }, undefined, undefined, [], 'nothing outside the range'],
] as const) {
  test(`findUpdate() finds ${reason}`, async (t) => {
    t.deepEqual(await find(t, definition, all, atLeast), [found, refused] as never);
  });
}
