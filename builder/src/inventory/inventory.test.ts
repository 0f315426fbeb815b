import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { findProgram, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import type { JsonObject } from '@img/spec/json';
import { Ajv } from 'ajv';
import test from 'ava';
import { type DebMember, makeTar } from '../testing/make-deb.ts';
import { codeOf } from '../testing/test-system.ts';
import { cycloneDxDocument, spdxDocument } from './bill-of-materials.ts';
import { diffInventories } from './diff-inventories.ts';
import type { FoundPackage } from './inventory.ts';
import { purlOf } from './purl.ts';
import { readInventory } from './read-inventory.ts';

const file = (name: string, content: string): DebMember => ({ name, content });
const dpkg = (name: string, version: string, rest = '') => {
  return file(
    `var/lib/dpkg/status.d/${name}`,
    `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\nArchitecture: amd64\n${rest}`,
  );
};

async function inventoryOf(...contents: readonly (readonly DebMember[])[]) {
  const tars = await Promise.all(contents.map(makeTar));
  const layers = tars.map((tar) => ({
    diffId: digestOf(tar),
    async *open() {
      // In pieces that no file fits into.
      for (let at = 0; at < tar.byteLength; at += 700) yield tar.subarray(at, at + 700);
    },
  }));
  return await readInventory(layers, { isHashing: true });
}

const debian = [
  file('usr/lib/os-release', 'PRETTY_NAME="Debian"\nID=debian\nVERSION_ID="13"\n'),
  dpkg('libc6', '2.41-12', 'Source: glibc (2.41-11)\n'),
  file('var/lib/dpkg/status.d/libc6.md5sums', 'x'),
  dpkg('bash', '5.2'),
  file('bin/ő', 'not ASCII'),
];
const app = [
  file(
    'opt/app/.venv/lib/python3.13/site-packages/flask-3.0.dist-info/METADATA',
    'Name: Flask\nVersion: 3.0\n\nName: no\n',
  ),
  file('opt/app/node_modules/@a/b/package.json', '{"name": "@a/b", "version": "1.0.0"}'),
  file('opt/app/node_modules/@a/b/lib/package.json', '{"name": "inner", "version": "9"}'),
  file('opt/app/node_modules/broken/package.json', '{'),
  file('opt/app/lib/jackson-core-2.17.0.jar', 'jar'),
  file('opt/app/lib/app.jar', 'jar'),
];

const short = ({ type, name, version }: FoundPackage) => `${type} ${name} ${version}`;

test('readInventory() finds packages of every kind, and the layers that have them', async (t) => {
  const found = await inventoryOf(debian, app);
  t.deepEqual(found.system, { id: 'debian', version: '13' });
  t.deepEqual(found.packages.map(short), [
    'deb bash 5.2',
    'deb libc6 2.41-12',
    'jar jackson-core 2.17.0',
    'npm @a/b 1.0.0',
    'pypi Flask 3.0',
  ]);
  t.like(found.packages[1], {
    source: 'glibc 2.41-11',
    architecture: 'amd64',
    layer: digestOf(await makeTar(debian)),
  });
  t.is(found.packages[4]?.layer, digestOf(await makeTar(app)));
  t.like(found.files.get('bin/ő'), { sizeBytes: 9, digest: digestOf(Buffer.from('not ASCII')) });
});

test('readInventory() reads the lists of whole systems, without what was removed from them', async (t) => {
  const list = [
    'Package: a\nStatus: install ok installed\nVersion: 1',
    'Package: b\nStatus: deinstall ok config-files\nVersion: 2',
    'nonsense',
  ];
  const status = await inventoryOf([file('var/lib/dpkg/status', list.join('\n\n'))]);
  t.deepEqual(status.packages.map(short), ['deb a 1']);
  const apk = await inventoryOf([
    file('lib/apk/db/installed', 'P:musl\nV:1.2.5-r0\nA:x86_64\no:musl\n\nP:x\nV:1\n'),
  ]);
  t.deepEqual(apk.packages.map(short), ['apk musl 1.2.5-r0', 'apk x 1']);
  t.is(apk.system, undefined);
});

test('readInventory() knows what higher layers replace and remove', async (t) => {
  const found = await inventoryOf(
    debian,
    app,
    [dpkg('libc6', '2.42')],
    [file('var/lib/dpkg/status.d/.wh.bash', ''), file('opt/app/.wh..wh..opq', '')],
  );
  t.deepEqual(found.packages.map(short), ['deb libc6 2.42']);
  t.false(found.files.has('opt/app/lib/app.jar'));
});

test('bills of materials say which packages are there in part', async (t) => {
  const inventory = await inventoryOf([
    dpkg('openjdk-17-jre-headless', '17', 'Img-Part: core\n'),
    dpkg('bash', '5.2'),
  ]);
  const image = { ...(await billed()), inventory };
  const [, whole, part] = spdxDocument(image)['packages'] as readonly JsonObject[];
  t.false('comment' in (whole ?? {}));
  t.is(part?.['comment'], 'only the part core of the package: openjdk-17-jre-headless/core');
  const [, component] = cycloneDxDocument(image)['components'] as readonly JsonObject[];
  t.like(component, { name: 'openjdk-17-jre-headless' });
  t.deepEqual(
    ((component?.['properties'] ?? []) as readonly JsonObject[]).find(({ name }) => name === 'img:part'),
    { name: 'img:part', value: 'core' },
  );
});

test('readInventory() refuses a layer that is not what its diffID says', async (t) => {
  const tar = await makeTar(debian);
  const open = async function* () {
    yield tar;
  };
  t.is(await codeOf(readInventory([{ diffId: digestOf(Buffer.from('x')), open }])), 'BASE_INVALID');
});

test('purlOf() names packages as the package URL specification says', async (t) => {
  const { packages, system } = await inventoryOf(debian, app);
  t.deepEqual(
    packages.map((found) => purlOf(found, system)),
    [
      'pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-13',
      'pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13',
      'pkg:generic/jackson-core@2.17.0',
      'pkg:npm/%40a/b@1.0.0',
      'pkg:pypi/flask@3.0',
    ],
  );
});

async function billed() {
  return {
    name: 'com.example.app:1.0',
    digest: digestOf(Buffer.from('manifest')),
    created: '2026-01-02T03:04:05.678Z',
    inventory: await inventoryOf(debian, app),
    tool: { name: 'img', version: '1.0.0' },
  };
}

test('cycloneDxDocument() fits the schema of CycloneDX 1.6, and says the same each time', async (t) => {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const main = createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json');
  const schema = (name: string) => {
    const path = new URL(`res/schema/${name}.SNAPSHOT.schema.json`, `file://${main}`);
    return JSON.parse(readFileSync(path, 'utf8')) as JsonObject;
  };
  for (const name of ['spdx', 'jsf-0.82']) {
    ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  }
  const validate = ajv.compile(schema('bom-1.6'));
  const document = cycloneDxDocument(await billed());
  t.true(validate(document), JSON.stringify(validate.errors));
  t.false(validate({ ...document, components: [{ name: 'without type' }] }));
  t.deepEqual(cycloneDxDocument(await billed()), document);
  t.regex(
    String(document['serialNumber']),
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

test('spdxDocument() has what SPDX 2.3 demands, and every identifier that it refers to', async (t) => {
  const document = spdxDocument(await billed());
  t.like(document, {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    creationInfo: { created: '2026-01-02T03:04:05Z', creators: ['Tool: img-1.0.0'] },
  });
  t.true(URL.canParse(String(document['documentNamespace'])));
  t.notRegex(String(document['documentNamespace']), /#/);
  const packages = document['packages'] as readonly JsonObject[];
  const ids = packages.map((each) => String(each['SPDXID']));
  t.is(new Set(ids).size, 6);
  for (const each of packages) {
    t.regex(String(each['SPDXID']), /^SPDXRef-[A-Za-z0-9.-]+$/);
    // Sections 7.1, 7.7 and 7.8: what a package must have if its files are not listed.
    for (const key of ['name', 'downloadLocation', 'filesAnalyzed']) t.true(key in each, key);
  }
  const relationships = document['relationships'] as readonly JsonObject[];
  for (const { spdxElementId, relatedSpdxElement } of relationships) {
    t.true([...ids, 'SPDXRef-DOCUMENT'].includes(String(spdxElementId)));
    t.true(ids.includes(String(relatedSpdxElement)));
  }
});

test("spdxDocument() is valid to the SPDX project's own validator, which also misses what is left out", async (t) => {
  if (!needsTool(t, 'pyspdxtools', { isOptional: true })) return;
  const folder = temporaryFolder(t);
  const verdict = (document: JsonObject) => {
    const path = join(folder, 'image.spdx.json');
    writeFileSync(path, JSON.stringify(document));
    const { status, stderr } = spawnSync(findProgram('pyspdxtools') ?? '', ['--infile', path], {
      encoding: 'utf8',
    });
    return { status, stderr };
  };
  const document = spdxDocument(await billed());
  const valid = verdict(document);
  t.is(valid.status, 0, valid.stderr);
  const { dataLicense: _, ...rest } = document;
  t.is(verdict(rest).status, 1);
});

test('diffInventories() says which packages, files and bytes two images differ by', async (t) => {
  const before = await inventoryOf(debian, app);
  const after = await inventoryOf([...debian.slice(0, 1), dpkg('libc6', '2.42'), dpkg('zlib1g', '1.3')], app);
  const diff = diffInventories(before, after);
  t.deepEqual(diff.added.map(short), ['deb zlib1g 1.3']);
  t.deepEqual(diff.removed.map(short), ['deb bash 5.2']);
  t.deepEqual(
    diff.changed.map(({ before: a, after: b }) => [a.version, b.version]),
    [['2.41-12', '2.42']],
  );
  t.deepEqual(diff.files, { added: 1, removed: 3, changed: 1 });
  t.true(diff.sizeBytes < 0);
  const other = await inventoryOf(debian, [...app.slice(0, -1), file('opt/app/lib/app.jar', 'JAR')]);
  t.deepEqual(diffInventories(before, other).files, { added: 0, removed: 0, changed: 1 });
  t.like(diffInventories(before, before), { added: [], removed: [], changed: [], sizeBytes: 0 });
});
