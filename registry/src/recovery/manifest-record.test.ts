import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseRepositoryName } from '@img/spec/repository-name';
import test from 'ava';
import { createBlobKey } from '../storage/blob-key.ts';
import { decodeManifestRecord, encodeManifestRecord, type ManifestRecord } from './manifest-record.ts';

const config = digestOf(Buffer.from('{}'));
const bytes = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociEmpty, digest: config, size: 2 },
    layers: [],
  }),
);
const record: ManifestRecord = {
  repository: parseRepositoryName('com.example/app'),
  digest: digestOf(bytes),
  mediaType: mediaTypes.ociManifest,
  createdAt: 1_700_000_000_000,
  blobs: new Map([[config, createBlobKey()]]),
  bytes,
};

test('decodeManifestRecord() gives back what was encoded, byte for byte', (t) => {
  const found = decodeManifestRecord(encodeManifestRecord(record))?.record;
  t.deepEqual(found && { ...found, bytes: Buffer.from(found.bytes) }, record);
  const long = { ...record, digest: digestOf(bytes, 'sha512'), blobs: new Map() };
  t.is(decodeManifestRecord(encodeManifestRecord(long))?.record.digest, long.digest);
});

const damages: readonly (readonly [damage: (encoded: Buffer) => Buffer, reason: string])[] = [
  [() => Buffer.alloc(0), 'nothing'],
  [() => Buffer.alloc(100_000), 'zeros'],
  [() => bytes, 'a manifest alone'],
  [(encoded) => encoded.subarray(0, -1), 'a missing byte at the end'],
  [(encoded) => Buffer.concat([encoded, Buffer.from(' ')]), 'a byte more'],
  [(encoded) => encoded.subarray(1), 'a missing byte at the beginning'],
  [(encoded) => replaced(encoded, 'com.example', 'com..xample'), 'no name of a repository'],
  [(encoded) => replaced(encoded, 'manifest/1', 'manifest/2'), 'a format of another version'],
  [(encoded) => replaced(encoded, '1700000000000', '-700000000000'), 'a time before 1970'],
  [(encoded) => replaced(encoded, 'sha256', 'sha512'), 'a digest of another kind'],
  [(encoded) => replaced(encoded, '"blobs":{', '"blobs":0,"x":{'), 'no places of blobs'],
  [(encoded) => replaced(encoded, '"layers":[]', '"layerz":[]'), 'a letter that has changed'],
];

for (const [damage, reason] of damages) {
  test(`decodeManifestRecord() refuses ${reason}`, (t) => {
    t.is(decodeManifestRecord(damage(Buffer.from(encodeManifestRecord(record)))), undefined);
  });
}

test('decodeManifestRecord() believes no place that could not be one of a blob', (t) => {
  const encoded = Buffer.from(encodeManifestRecord(record)).toString();
  const key = record.blobs.get(config) as string;
  for (const other of ['../../../etc/passwd', `${key}.snapshot`, '']) {
    const found = decodeManifestRecord(Buffer.from(encoded.replace(key, other)));
    t.deepEqual([...(found?.record.blobs ?? [])], [], other);
  }
});

function replaced(encoded: Buffer, from: string, to: string): Buffer {
  return Buffer.from(encoded.toString().replace(from, to));
}
