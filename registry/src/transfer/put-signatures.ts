import { addSignatureLayers } from '@img/sign/signature-manifest';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions, ContentTarget } from './content.ts';
import type { PlannedManifest } from './plan-copy.ts';

// Two that add signatures at the same time overwrite each other; who finds its own missing adds them again.
const maxTries = 5;

/**
 * Puts a manifest of signatures under its tag, beside the signatures that are there: they are added to, never
 * replaced. Their payloads must be at the target already.
 *
 * @throws RegistryError REQUEST_REFUSED if others keep overwriting them; SignError SIGNATURES_TOO_MANY; what the
 *   target throws
 */
export async function putSignatures(
  target: ContentTarget,
  { content, manifest, tag }: PlannedManifest & { readonly tag: Tag },
  options: ContentOptions,
): Promise<void> {
  for (let tries = 0; tries <= maxTries; tries += 1) {
    const existing = await target.getManifest(tag, options);
    if (existing?.descriptor.digest === content.descriptor.digest) return;
    if (existing === undefined || manifest.kind === 'index') {
      // As it is, so that a first copy has the digest of the original.
      await target.putManifest(content, { ...options, tag });
      continue;
    }
    const merged = addSignatureLayers(existing.bytes, manifest.layers);
    if (merged === undefined) return;
    const { config } = merged;
    await target.putBlob(
      { descriptor: config.descriptor },
      (offset) => once(config.bytes.subarray(offset)),
      options,
    );
    await target.putManifest(merged.manifest, { ...options, tag });
  }
  throw new RegistryError(
    'REQUEST_REFUSED',
    `could not add signatures to ${tag} of ${target.name}: others keep overwriting them`,
    { hint: 'Try again when nobody else signs or copies this image.' },
  );
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
