import type { Digester } from '@img/spec/digest';

/** Uploads whose digest is remembered; each costs a few hundred bytes. */
const mostRemembered = 10_000;

/**
 * Remembers between two requests how far the digest of an upload is computed: a hash can't be stored, only kept.
 * What is forgotten, or was continued by another process, is read again in the end.
 */
export class LiveDigests {
  readonly #digests = new Map<string, { readonly sizeBytes: number; readonly digester: Digester }>();

  /** Takes out the digest of the first `sizeBytes` of an upload; undefined unless exactly those are hashed. */
  take(id: string, sizeBytes: number): Digester | undefined {
    const live = this.#digests.get(id);
    this.#digests.delete(id);
    return live?.sizeBytes === sizeBytes ? live.digester : undefined;
  }

  put(id: string, sizeBytes: number, digester: Digester): void {
    this.#digests.set(id, { sizeBytes, digester });
    if (this.#digests.size > mostRemembered)
      this.#digests.delete(this.#digests.keys().next().value as string);
  }
}
