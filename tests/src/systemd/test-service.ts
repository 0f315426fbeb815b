import type { ContentSource, ContentTarget } from '@img/registry/transfer/content';
import { tarArchive } from '@img/runtime/testing/tar-bytes';
import { parseTag } from '@img/spec/tag';
import { putSignedShellImage, shellLayer } from '../testing/shell-image.ts';

/** What a version of the service does. */
export type Behaviour =
  /** Works until it is stopped. */
  | 'works'
  /** The same, and says its version to everybody who connects to port 80. */
  | 'serves'
  /** Ends at once. */
  | 'ends'
  /** Becomes healthy, and ends when somebody makes the file /data/end. */
  | 'fragile';

const scripts: { readonly [behaviour in Behaviour]: string } = {
  serves: 'nc -ll -p 80 -e cat /version & touch /tmp/healthy; wait',
  works: 'touch /tmp/healthy; sleep 100000 & wait',
  ends: 'exit 3',
  fragile: 'touch /tmp/healthy; while [ ! -e /data/end ]; do sleep 0.1; done; exit 4',
};

/** The words of a health check that the service passes. */
export const healthCheck = '/bin/busybox test -e /tmp/healthy';

/**
 * Publishes a version of the service `com.example.app`, signed by Alice as its newest, with a script that says its
 * version when it starts and when it is stopped. `img install … sh /service` runs it.
 */
export async function publishService(
  repository: ContentSource & ContentTarget,
  {
    version,
    behaviour = 'works',
    tag = '1.0',
  }: {
    readonly version: number;
    readonly behaviour?: Behaviour;
    readonly tag?: string;
  },
): Promise<string> {
  const script = `trap 'echo version ${version} stops; exit 0' TERM\necho version ${version} starts\n${scripts[behaviour]}\n`;
  const layer = tarArchive(
    { path: 'service', mode: 0o755, content: script },
    { path: 'version', mode: 0o644, content: `version ${version}\n` },
  );
  const parsed = parseTag(tag);
  const { descriptor } = await putSignedShellImage(repository, {
    tag: parsed,
    layers: [shellLayer(), layer],
    claim: { sequence: version, tag: parsed },
  });
  return descriptor.digest;
}
