import test from 'ava';
import { findSlice, wishedSlices } from './package-slice.ts';

test('wishedSlices() knows the packages of which only a part is asked for', (t) => {
  const [java, core] = ['openjdk-21-jre-headless', 'openjdk-21-jre-headless/core'];
  t.deepEqual([...wishedSlices([java, 'python3'])], []);
  t.deepEqual([...wishedSlices([core, 'python3'])], [[java, 'core']]);
  t.deepEqual([...wishedSlices([core, java])], [], 'the whole is asked for as well');
});

const unknown: readonly [wish: string, message: RegExp, hint: RegExp][] = [
  ['openjdk-17-jre-headless/cor', /has no part "cor"/, /its parts are: core/],
  ['python3/core', /^python3 has no part "core"/, /write python3 alone/],
];

for (const [wish, message, hint] of unknown) {
  test(`wishedSlices() refuses ${wish}`, (t) => {
    const error = t.throws(() => wishedSlices([wish]), { code: 'PACKAGE_UNKNOWN', message });
    t.regex((error as { hint?: string } | undefined)?.hint ?? '', hint);
  });
}

const lib = 'usr/lib/jvm/java-21-openjdk-amd64/lib';
const paths: readonly [why: string, path: string, isLeft: boolean][] = [
  ['what javac --release reads', `${lib}/ct.sym`, true],
  ['classes for large heaps', `${lib}/server/classes_nocoops.jsa`, true],
  ['classes for all other heaps', `${lib}/server/classes.jsa`, false],
  ['the native half of images', `${lib}/libawt.so`, true],
  ['the machine itself', `${lib}/server/libjvm.so`, false],
  ['the modules', `${lib}/modules`, false],
  ['a licence', 'usr/share/doc/openjdk-21-jre-headless/copyright', false],
];

for (const [why, path, isLeft] of paths) {
  test(`the core of Java is ${isLeft ? 'without' : 'with'} ${why}`, (t) => {
    t.is(findSlice('openjdk-21-jre-headless', 'core')?.drops.test(path), isLeft);
  });
}
