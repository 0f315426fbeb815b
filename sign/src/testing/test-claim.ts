import type { Descriptor } from '@img/spec/descriptor';
import { parseDigest } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseRegistryHost } from '@img/spec/registry-host';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import type { Claim } from '../statement.ts';
import { parseUnixTime } from '../unix-time.ts';

/** A digest whose hex is all one digit. */
export const testDigest = (digit: string) => parseDigest(`sha256:${digit.repeat(64)}`);

export const testImage = (digit: string): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest: testDigest(digit),
  size: 1234,
});

/** That `com.example.app:1.0` is the image, number 41, for a month. */
export const testClaim: Claim = {
  registry: parseRegistryHost('reg.example:5000'),
  repository: parseRepositoryName('com.example.app'),
  tag: parseTag('1.0'),
  sequence: 41,
  issued: parseUnixTime('2026-11-22T00:00:00Z'),
  expires: parseUnixTime('2026-12-22T00:00:00Z'),
};

/** The same about the digest alone. */
export const untaggedClaim: Claim = { ...testClaim, tag: undefined, sequence: undefined };
