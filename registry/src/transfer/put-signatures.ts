import type { Content } from '@img/sign/content';
import { addSignatureLayers } from '@img/sign/signature-manifest';
import type { Tag } from '@img/spec/tag';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions, ContentTarget, ManifestContent } from './content.ts';
import type { PlannedManifest } from './plan-copy.ts';

// Of two that add signatures at the same time one finds the tag moved, and adds to what is there then.
const maxTries = 20;

/**
 * Puts a manifest of signatures under its tag, beside the signatures that are there: they are added to, never
 * replaced. Their payloads must be at the target already.
 *
 * @throws RegistryError REQUEST_REFUSED if others keep changing them; SignError SIGNATURES_TOO_MANY; what the
 *   target throws
 */
export async function putSignatures(
  target: ContentTarget,
  { content, manifest, tag }: PlannedManifest & { readonly tag: Tag },
  options: ContentOptions,
): Promise<void> {
  const change = async (existing: ManifestContent | undefined) => {
    // As it is, so that a first copy has the digest of the original.
    if (existing === undefined || manifest.kind === 'index') return { content };
    const merged = addSignatureLayers(existing.bytes, manifest.layers);
    return merged === undefined ? undefined : { content: merged.manifest, config: merged.config };
  };
  await changeSignatures(target, { tag, change }, options);
}

/** What is to stand under the tag of signatures, and its config where the target may not have it yet. */
export type ChangedSignatures = { readonly content: ManifestContent; readonly config?: Content };

export type SignaturesChange = {
  readonly tag: Tag;
  /** Undefined if what is there may stay. Called again if somebody else changes it at the same time. */
  readonly change: (existing: ManifestContent | undefined) => Promise<ChangedSignatures | undefined>;
};

/**
 * Changes what stands under the tag of signatures, and nothing that others change at the same time.
 *
 * @throws RegistryError REQUEST_REFUSED if others keep changing it; what the change and the target throw
 */
export async function changeSignatures(
  target: ContentTarget,
  { tag, change }: SignaturesChange,
  options: ContentOptions,
): Promise<void> {
  for (let tries = 0; tries <= maxTries; tries += 1) {
    const existing = await target.getManifest(tag, options);
    const changed = await change(existing);
    if (changed === undefined || changed.content.descriptor.digest === existing?.descriptor.digest) return;
    const { content, config } = changed;
    if (config !== undefined) {
      const { descriptor, bytes } = config;
      await target.putBlob({ descriptor }, (offset) => once(bytes.subarray(offset)), options);
    }
    const replaces = existing?.descriptor.digest ?? null;
    if (await isPut(target.putManifest(content, { ...options, tag, replaces }))) return;
  }
  throw new RegistryError(
    'REQUEST_REFUSED',
    `could not change the signatures under ${tag} of ${target.name}: others keep changing them`,
    { hint: 'try again when nobody else signs or copies this image' },
  );
}

async function isPut(putting: Promise<void>): Promise<boolean> {
  try {
    await putting;
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'TAG_MOVED') return false;
    throw error;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
