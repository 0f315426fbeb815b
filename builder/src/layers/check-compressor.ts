import { Buffer } from 'node:buffer';
import { compress } from '@img/registry/compression/compress';
import { type Digest, Digester } from '@img/spec/digest';
import type { LayerCompression } from '@img/spec/media-types';
import { BuilderError } from '../builder-error.ts';

/** What this version of img's layers are made with, on every machine: the digests of the sample, compressed. */
const expected: { readonly [compression in LayerCompression]: Digest | undefined } = {
  none: undefined,
  gzip: 'sha256:7737486ffc8cae50c95d1fb989aeec3b27f91317abeecd8f04a940f712406268' as Digest,
  zstd: 'sha256:ed6c7487e730b031c1d486934ad4ad722d150bba4741b4245b3594a000fec5ad' as Digest,
};

const checked = new Map<LayerCompression, Promise<void>>();

/**
 * Makes sure, once in a process, that a compressor makes the bytes that it makes everywhere else: another version of its
 * library would silently give every layer another digest.
 *
 * @throws BuilderError COMPRESSOR_DIFFERS
 */
export async function checkCompressor(compression: LayerCompression): Promise<void> {
  const check = checked.get(compression) ?? compareSample(compression, expected[compression]);
  checked.set(compression, check);
  await check;
}

/** Compresses the sample and compares what comes of it. */
export async function compareSample(
  compression: LayerCompression,
  digest: Digest | undefined,
): Promise<void> {
  if (digest === undefined) return;
  const digester = new Digester();
  for await (const chunk of compress(sample(), { compression })) digester.update(chunk);
  const actual = digester.digest();
  if (actual === digest) return;
  throw new BuilderError(
    'COMPRESSOR_DIFFERS',
    `${compression} of Node ${process.version} makes other bytes than images are made of: ${actual} instead of ${digest}`,
    { hint: 'build with the Node that img comes with: npm ci installs it, and npx img uses it' },
  );
}

const sampleBytes = 48 * 1024;

/** Words of a small vocabulary with numbers between them: something to find repetitions in, and something without any. */
async function* sample(): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = Buffer.alloc(sampleBytes);
  let state = 1;
  for (let at = 0; at < sampleBytes; ) {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const text = state >>> 30 === 0 ? `${state} ` : `word${(state >>> 16) % 700} `;
    at += bytes.write(text, at, 'latin1');
  }
  yield bytes;
}
