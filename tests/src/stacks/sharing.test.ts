import test from 'ava';
import { pushedAfterFix, type StoredImage, sharingOf } from './sharing.ts';

const packages = new Map([
  ['ssl', { source: 'openssl', layerBytes: 1000 }],
  ['ssl-small', { source: 'openssl', layerBytes: 10 }],
  ['c', { source: 'glibc', layerBytes: 500 }],
]);

const layer = (digest: string, sizeBytes: number, ...names: readonly string[]) => {
  return { digest, sizeBytes, packages: names };
};
const common = [layer('c', 500, 'c'), layer('ssl', 1000, 'ssl')];
const images: readonly StoredImage[] = [
  { layers: [...common, layer('own-1', 7)], documentsBytes: 1 },
  { layers: [...common, layer('mixed', 12, 'ssl-small', 'c'), layer('own-2', 8)], documentsBytes: 2 },
  { layers: [layer('c', 500, 'c')], documentsBytes: 4 },
];

test('sharingOf() counts each layer once, and for perfect sharing each package', (t) => {
  t.deepEqual(sharingOf(images, packages), {
    storedBytes: 7 + 500 + 1000 + 7 + 12 + 8,
    perfectBytes: 7 + 1000 + 10 + 500 + 7 + 8,
    unsharedBytes: 7 + 1507 + 1520 + 500,
  });
});

test('pushedAfterFix() counts every layer with a package of the source once, and what says which layers there are', (t) => {
  t.deepEqual(pushedAfterFix(images, packages, 'openssl'), { images: 2, bytes: 3 + 1000 + 12 });
  t.deepEqual(pushedAfterFix(images, packages, 'zlib'), { images: 0, bytes: 0 });
});
