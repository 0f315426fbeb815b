import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { checkCompressor, compareSample } from './check-compressor.ts';

for (const compression of ['zstd', 'gzip', 'none'] as const) {
  test(`checkCompressor() finds that ${compression} makes the bytes that it makes everywhere`, async (t) => {
    await t.notThrowsAsync(checkCompressor(compression));
    await t.notThrowsAsync(checkCompressor(compression));
  });
}

test('compareSample() refuses a compressor that makes other bytes, and says which would be right', async (t) => {
  const other = digestOf(Buffer.from('other'));
  const error = await t.throwsAsync(compareSample('zstd', other), {
    code: 'COMPRESSOR_DIFFERS',
    message: new RegExp(`^zstd of Node v\\d\\S+ makes other bytes .* instead of ${other}$`),
  });
  t.regex((error as { hint?: string } | undefined)?.hint ?? '', /npm ci/);
});
