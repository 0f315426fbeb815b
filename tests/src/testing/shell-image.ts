import { readFileSync } from 'node:fs';
import type { ContentTarget, ManifestContent } from '@img/registry/transfer/content';
import { image } from '@img/runtime/config/testing';
import { hostPlatform } from '@img/runtime/launch/host-platform';
import { tarArchive } from '@img/runtime/testing/tar-bytes';
import { putTestImage, signTestImage, type TestLayer } from '@img/runtime/testing/test-image';
import type { Claim } from '@img/sign/statement';
import { findProgram } from '@img/sign/testing/needs';
import { testClaim } from '@img/sign/testing/test-claim';
import { testKey } from '@img/sign/testing/test-keys';
import type { UnixTime } from '@img/sign/unix-time';
import { parseTag, type Tag } from '@img/spec/tag';

/** The static busybox of this machine, which is every program that its name says. */
export function busybox(): Uint8Array {
  return readFileSync(findProgram('busybox') ?? '');
}

/** A layer with busybox as /bin/busybox and /bin/sh. */
export function shellLayer(): Uint8Array {
  return tarArchive(
    { path: 'bin/', type: '5', mode: 0o755 },
    { path: 'bin/busybox', mode: 0o755, content: busybox() },
    { path: 'bin/sh', type: '1', link: 'bin/busybox' },
  );
}

export const shellTag = parseTag('1.0');

export type ShellImage = {
  /** What it prints when it is run; `hello` unless given. */
  readonly says?: string;
  /** Lowest first; one with a shell unless given. */
  readonly layers?: readonly TestLayer[];
  readonly tag?: Tag;
};

/** The config of the shell image, but for its layers. */
export function shellConfig(says = 'hello'): ReturnType<typeof image> {
  return image({
    platform: hostPlatform(),
    config: { entrypoint: ['/bin/busybox'], cmd: ['echo', says] },
  });
}

/** Puts an image into a repository that prints a word, without the command, so in a moment. */
export async function putShellImage(
  repository: ContentTarget,
  { says, layers = [shellLayer()], tag = shellTag }: ShellImage = {},
): Promise<ManifestContent> {
  return await putTestImage(repository, shellConfig(says), { tag, layers });
}

/**
 * Signs an image as `com.example.app:1.0`, number 1, from now on for an hour.
 *
 * @param n which of the test keys: 1 is Alice's, 2 Bob's
 */
export async function signShellImage(
  repository: ContentTarget,
  content: ManifestContent,
  claim: Partial<Claim> = {},
  n = 1,
): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const lifetime = { issued: now as UnixTime, expires: (now + 3600) as UnixTime };
  await signTestImage(repository, testKey(n), { ...testClaim, sequence: 1, ...lifetime, ...claim }, content);
}

/** Puts an image into a repository and signs it, as the two do it. */
export async function putSignedShellImage(
  repository: ContentTarget,
  {
    claim = {},
    key = 1,
    ...shown
  }: ShellImage & { readonly claim?: Partial<Claim>; readonly key?: number } = {},
): Promise<ManifestContent> {
  const content = await putShellImage(repository, shown);
  await signShellImage(repository, content, claim, key);
  return content;
}
