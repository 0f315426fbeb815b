import { crc32 } from 'node:zlib';
import test from 'ava';
import { planLayers } from '../testing/plan-layers.ts';
import { encodeZip } from '../zip/encode-zip.ts';
import { encodeJarManifest, parseJarManifest } from './jar-manifest.ts';

const text = (value: string) => new TextEncoder().encode(value);

async function jar(files: { readonly [path: string]: string }): Promise<Uint8Array> {
  const items = Object.entries(files).map(([path, content]) => {
    const bytes = text(content);
    return { path, crc32: crc32(bytes), sizeBytes: bytes.byteLength, read: () => [bytes] };
  });
  return Buffer.concat(await Array.fromAsync(encodeZip(items)));
}

const bootManifest =
  'Manifest-Version: 1.0\r\nImplementation-Title: shop\r\nMain-Class: org.springframework.boot.loader.launch.JarLauncher\r\n' +
  'Start-Class: com.example.Shop\r\nSpring-Boot-Version: 3.4.0\r\nSpring-Boot-Classes: BOOT-INF/classes/\r\n' +
  'Spring-Boot-Lib: BOOT-INF/lib/\r\nSpring-Boot-Classpath-Index: BOOT-INF/classpath.idx\r\n\r\n';
const boot = {
  'META-INF/MANIFEST.MF': bootManifest,
  'META-INF/KEY.RSA': 'signature',
  'META-INF/maven/pom.xml': 'pom',
  'org/springframework/boot/loader/launch/JarLauncher.class': 'loader',
  'BOOT-INF/classes/com/example/Shop.class': 'shop',
  'BOOT-INF/classes/application.yaml': 'yaml',
  'BOOT-INF/classpath.idx': '- "BOOT-INF/lib/z.jar"\n- "BOOT-INF/lib/a.jar"\n',
  'BOOT-INF/lib/a.jar': 'a',
  'BOOT-INF/lib/z.jar': 'z',
  'BOOT-INF/lib/own-1-SNAPSHOT.jar': 'own',
};
const rule = { kind: 'jar', from: 'target/app.jar' } as const;

test('planApp() takes a fat jar apart: libraries, snapshots, and a jar of its own classes', async (t) => {
  const files = { 'target/app.jar': await jar(boot) };
  const { start, layers } = await planLayers(t, { files, rule });
  t.deepEqual(start.cmd, ['java', '-jar', '/opt/app/app.jar']);
  t.deepEqual(
    layers.map((layer) => Object.keys(layer.files)),
    [['opt/app/lib/a.jar', 'opt/app/lib/z.jar'], ['opt/app/lib/own-1-SNAPSHOT.jar'], ['opt/app/app.jar']],
  );
  t.is(layers[0]?.files['opt/app/lib/a.jar'], 'a');
  const manifest =
    'Manifest-Version: 1.0\r\nImplementation-Title: shop\r\nSpring-Boot-Version: 3.4.0\r\n' +
    'Main-Class: com.example.Shop\r\nClass-Path: lib/z.jar lib/a.jar lib/own-1-SNAPSHOT.jar\r\n\r\n';
  const expected = await jar({
    'META-INF/MANIFEST.MF': manifest,
    'META-INF/maven/pom.xml': 'pom',
    'application.yaml': 'yaml',
    'com/example/Shop.class': 'shop',
  });
  t.is(layers[2]?.files['opt/app/app.jar'], Buffer.from(expected).toString('latin1'));
});

test('planApp() puts a jar where it is told, and its libraries into a folder named like it', async (t) => {
  const files = { 'target/app.jar': await jar(boot) };
  const to = { path: 'srv/shop.jar', isFolder: true };
  const { start, layers } = await planLayers(t, { files, rule: { ...rule, to } });
  t.deepEqual(start.cmd, ['java', '-jar', '/srv/shop.jar']);
  t.true('srv/shop/lib/a.jar' in (layers[0]?.files ?? {}));
  t.regex(layers[2]?.files['srv/shop.jar'] ?? '', /Class-Path: shop\/lib\/z\.jar shop\/lib\/a\.jar/);
});

test('planApp() changes only the last layer when only classes change', async (t) => {
  const before = await planLayers(t, { files: { 'target/app.jar': await jar(boot) }, rule });
  const changed = { ...boot, 'BOOT-INF/classes/com/example/Shop.class': 'shop 2' };
  const after = await planLayers(t, { files: { 'target/app.jar': await jar(changed) }, rule });
  t.deepEqual(after.layers.slice(0, 2), before.layers.slice(0, 2));
  t.notDeepEqual(after.layers[2], before.layers[2]);
});

test('planApp() takes other jars as they are, with the libraries that their manifest names', async (t) => {
  const app = await jar({
    'META-INF/MANIFEST.MF': 'Main-Class: A\nClass-Path: lib/a.jar lib/b%20c.jar\n\n',
    'A.class': 'x',
  });
  const files = {
    'target/app.jar': app,
    'target/lib/a.jar': 'a',
    'target/lib/b c.jar': 'b',
    'target/lib/d.jar': 'd',
  };
  const { layers } = await planLayers(t, { files, rule });
  t.deepEqual(layers[0]?.files, { 'opt/app/lib/a.jar': 'a', 'opt/app/lib/b c.jar': 'b' });
  t.deepEqual(layers[2]?.files, { 'opt/app/app.jar': Buffer.from(app).toString('latin1') });
});

const refusals: readonly (readonly [
  why: string,
  files: { readonly [path: string]: string },
  code: string,
])[] = [
  ['a jar that nothing can start', { 'META-INF/MANIFEST.MF': 'Manifest-Version: 1.0\n' }, 'APP_INVALID'],
  ['a jar without a manifest', { 'A.class': '' }, 'APP_INVALID'],
  ['a manifest that is none', { 'META-INF/MANIFEST.MF': 'hello\n' }, 'APP_INVALID'],
  ['a library in a folder below that of libraries', { ...boot, 'BOOT-INF/lib/x/a.jar': 'a' }, 'none'],
  [
    'libraries elsewhere',
    { 'META-INF/MANIFEST.MF': 'Main-Class: A\nClass-Path: ../../a.jar\n' },
    'APP_INVALID',
  ],
  [
    'libraries on a server',
    { 'META-INF/MANIFEST.MF': 'Main-Class: A\nClass-Path: http://a/b.jar\n' },
    'APP_INVALID',
  ],
  [
    'libraries that are missing',
    { 'META-INF/MANIFEST.MF': 'Main-Class: A\nClass-Path: a.jar\n' },
    'SOURCE_MISSING',
  ],
];

for (const [why, members, code] of refusals) {
  test(`planApp() ${code === 'none' ? 'passes over' : 'refuses'} ${why}`, async (t) => {
    const planned = planLayers(t, { files: { 'target/app.jar': await jar(members) }, rule });
    if (code === 'none') await t.notThrowsAsync(planned);
    else await t.throwsAsync(planned, { code });
  });
}

test('encodeJarManifest() folds long lines as parseJarManifest() reads them', (t) => {
  const attributes = new Map([
    ['Manifest-Version', '1.0'],
    ['Class-Path', Array.from({ length: 30 }, (_, index) => `lib/könyvtár-${index}.jar`).join(' ')],
  ]);
  const encoded = encodeJarManifest(attributes);
  t.true(encoded.split('\r\n').every((line) => Buffer.byteLength(line) <= 72));
  t.deepEqual(parseJarManifest(text(encoded), 'a.jar'), attributes);
});
