import test from 'ava';
import {
  bareMediaType,
  isIndexMediaType,
  isManifestMediaType,
  isNondistributable,
  layerCompression,
  manifestMediaTypes,
  mediaTypes,
} from './media-types.ts';

test('manifestMediaTypes are the types of manifests and indexes', (t) => {
  for (const type of manifestMediaTypes) t.true(isManifestMediaType(type) !== isIndexMediaType(type), type);
  t.is(manifestMediaTypes.length, 4);
});

test('isManifestMediaType() and isIndexMediaType() know nothing else', (t) => {
  for (const type of [
    mediaTypes.ociConfig,
    mediaTypes.json,
    '',
    'application/vnd.docker.distribution.manifest.v1+json',
  ]) {
    t.false(isManifestMediaType(type) || isIndexMediaType(type), type);
  }
});

test('layerCompression() knows every layer of a file system and nothing else', (t) => {
  for (const [name, type] of Object.entries(mediaTypes)) {
    const wanted = !name.includes('Layer')
      ? undefined
      : name.endsWith('Gzip')
        ? 'gzip'
        : name.endsWith('Zstd')
          ? 'zstd'
          : 'none';
    t.is(layerCompression(type), wanted, name);
  }
  t.is(layerCompression(`${mediaTypes.ociLayer}+xz`), undefined, 'an unknown suffix is not guessed');
  t.is(layerCompression('constructor'), undefined);
});

test('isNondistributable() knows the types that say so, exactly', (t) => {
  for (const [name, type] of Object.entries(mediaTypes)) {
    t.is(isNondistributable(type), /Nondistributable|Foreign/.test(name), name);
  }
  t.false(
    isNondistributable('application/vnd.example.nondistributable.v1'),
    'a similar name skips no upload',
  );
});

test('bareMediaType() drops parameters and case', (t) => {
  t.is(bareMediaType('Application/JSON ; charset=utf-8; a=b'), 'application/json');
  t.is(bareMediaType(''), '');
  t.is(bareMediaType(';'), '');
});
