import { createHash } from 'node:crypto';
import test from 'ava';
import { preAuthEncoding } from './dsse.ts';
import { PublicKey } from './public-key.ts';

const encoded = (type: string, payload: string) =>
  Buffer.from(preAuthEncoding(type, Buffer.from(payload))).toString();

test('preAuthEncoding() is that of the vector in the DSSE protocol', (t) => {
  t.is(
    encoded('http://example.com/HelloWorld', 'hello world'),
    'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  );
});

test('preAuthEncoding() counts bytes, not characters, and takes any of them', (t) => {
  t.is(encoded('', ''), 'DSSEv1 0  0 ');
  t.is(encoded('ü', '€'), 'DSSEv1 2 ü 3 €');
  const binary = preAuthEncoding('t', Uint8Array.of(0, 255, 10));
  t.deepEqual([...binary.subarray(-3)], [0, 255, 10]);
});

test('preAuthEncoding() keeps type and payload apart', (t) => {
  t.not(encoded('a', 'b c'), encoded('a b', 'c'));
  t.not(encoded('a 1 b', ''), encoded('a', 'b 0 '));
});

test('the signature of the vector in the DSSE protocol verifies', (t) => {
  const [x, y] = [
    46950820868899156662930047687818585632848591499744589407958293238635476079160n,
    5640078356564379163099075877009565129882514886557779369047442380624545832820n,
  ].map((coordinate) => Buffer.from(coordinate.toString(16).padStart(64, '0'), 'hex'));
  const point = Buffer.concat([Buffer.of(4), x ?? Buffer.of(), y ?? Buffer.of()]);
  const key = new PublicKey({ algorithm: 'ecdsa-p256', point });
  // The vector has r and s side by side; cosign's signatures, and ours, are DER.
  const raw = Buffer.from(
    'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==',
    'base64',
  );
  const integer = (bytes: Uint8Array) => Buffer.concat([Buffer.of(2, bytes.byteLength), bytes]);
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
  const der = Buffer.concat([Buffer.of(0x30, body.byteLength), body]);
  const signed = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
  t.true(key.verify(signed, der));
  t.false(key.verify(createHash('sha256').update(signed).digest(), der));
});
