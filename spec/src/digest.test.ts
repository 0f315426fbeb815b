import test from 'ava';
import { digestOf, parseDigest } from './digest.ts';

test('digestOf() of nothing is the well-known digest', (t) => {
  t.is(
    digestOf(new Uint8Array()),
    parseDigest('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'),
  );
});
