import { proveIn, type SignatureLog } from '@img/registry/log/log-signatures';
import type { ContentOptions } from '@img/registry/transfer/content';
import { bundleMediaType, withProof } from '@img/sign/bundle';
import type { SignedImages } from '@img/sign/sign-image';
import { type Claim, formatIdentity } from '@img/sign/statement';
import { parseImageManifest } from '@img/spec/manifest';
import type { MadeStatements } from './made-statements.ts';

export type SigningJournalOptions = {
  readonly made: MadeStatements;
  /** The log that signatures go to at once; undefined where they get there later, or where there is none. */
  readonly findLog: () => Promise<SignatureLog | undefined>;
};

/** Keeps what is signed here apart from what others sign with the same keys, and has it logged. */
export class SigningJournal {
  readonly #options: SigningJournalOptions;
  #log: Promise<SignatureLog | undefined> | undefined;

  constructor(options: SigningJournalOptions) {
    this.#options = options;
  }

  /** Looks for the log already: whoever calls it goes on with what takes longer. What it finds is told later. */
  begin(): void {
    this.#log ??= this.#options.findLog();
    this.#log.catch(() => undefined);
  }

  /** Notes what was signed, before anybody else can see it. */
  async note({ blobs }: SignedImages, claim: Claim): Promise<void> {
    const bundles = blobs.filter(({ descriptor }) => descriptor.mediaType === bundleMediaType);
    await this.#options.made.note(
      bundles.map(({ bytes }) => bytes),
      formatIdentity(claim),
    );
  }

  /** What was signed with the proofs that it is in the log; as it is where there is none. */
  async proven(signed: SignedImages, options: ContentOptions): Promise<SignedImages> {
    this.#log ??= this.#options.findLog();
    const log = await this.#log;
    if (log === undefined) return signed;
    const manifests: SignedImages['manifests'][number][] = [];
    for (const manifest of signed.manifests) {
      const parsed = parseImageManifest(manifest.bytes);
      const digest = parsed.layers.find(({ mediaType }) => mediaType === bundleMediaType)?.digest;
      const bundle = signed.blobs.find(({ descriptor }) => descriptor.digest === digest);
      const isBundle = digest !== undefined && bundle !== undefined;
      const proven = isBundle ? withProof(parsed, await proveIn(log, bundle.bytes, options)) : manifest;
      manifests.push({ ...manifest, ...proven });
    }
    return { ...signed, manifests };
  }
}
