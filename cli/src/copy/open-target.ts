import { ArchiveTarget } from '@img/registry/layout/archive-target';
import { LayoutTarget } from '@img/registry/layout/layout-target';
import type { ContentTarget } from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import type { Tag } from '@img/spec/tag';
import { CliError } from '../cli-error.ts';
import type { Session } from '../command.ts';
import { localTarget } from '../host/local-target.ts';
import { openRegistry } from '../host/open-registry.ts';
import type { TypedPlace } from './typed-place.ts';

/** Where an image is copied to. Close it. */
export type OpenedTarget = AsyncDisposable & {
  readonly target: ContentTarget;
  /** The tag that was typed for it. */
  readonly tag: Tag | undefined;
  /** Makes what was copied visible, where that is a step of its own. */
  readonly commit: () => Promise<void>;
};

/** @throws CliError USAGE; RegistryError LAYOUT_INVALID */
export async function openTarget(session: Session, place: TypedPlace, host: Host): Promise<OpenedTarget> {
  const nothing = async (): Promise<void> => undefined;
  switch (place.kind) {
    case 'registry':
    case 'host': {
      const { registry, repository, tag, digest } = place.reference;
      if (digest !== undefined) {
        throw new CliError('USAGE', 'a digest is not given, it follows from the content', {
          hint: 'name a tag instead',
        });
      }
      if (place.kind === 'host') {
        return {
          target: localTarget(place.reference, host),
          tag,
          commit: nothing,
          [Symbol.asyncDispose]: nothing,
        };
      }
      const client = openRegistry(session, registry);
      const target = client.repository(repository, 'push');
      return { target, tag, commit: nothing, [Symbol.asyncDispose]: () => client.close() };
    }
    case 'oci': {
      const target = await LayoutTarget.open(place.path);
      return { target, tag: place.tag, commit: nothing, [Symbol.asyncDispose]: nothing };
    }
    case 'oci-archive': {
      const target = await ArchiveTarget.create(place.path);
      const commit = () => target.commit({ signal: session.signal });
      return { target, tag: place.tag, commit, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() };
    }
    case 'docker-archive':
      throw new CliError('USAGE', 'docker-archive: can only be copied from', {
        hint: 'write oci-archive: instead; docker load and podman load read it, too',
      });
  }
}
