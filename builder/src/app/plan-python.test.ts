import { crc32 } from 'node:zlib';
import { digestHex, digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import { startServer, type TestServer } from '../debian/testing/test-server.ts';
import { ImageTree } from '../image/image-tree.ts';
import { planLayers } from '../testing/plan-layers.ts';
import { encodeZip } from '../zip/encode-zip.ts';

const information = { 'd-1.dist-info/WHEEL': 'Wheel-Version: 1.0\n', 'd-1.dist-info/METADATA': 'Name: d\n' };

async function zip(files: { readonly [path: string]: string }): Promise<Buffer> {
  const items = Object.entries(files).map(([path, content]) => {
    const bytes = Buffer.from(content);
    return { path, crc32: crc32(bytes), sizeBytes: bytes.byteLength, read: () => [bytes] };
  });
  return Buffer.concat(await Array.fromAsync(encodeZip(items)));
}

/** Puts a wheel into an index, and gives the line that asks for it. */
async function publish(
  server: TestServer,
  name: string,
  file: string,
  files: { readonly [path: string]: string },
) {
  const bytes = await zip(files);
  const hex = digestHex(digestOf(bytes));
  const before = server.files.get(`simple/${name}/`);
  const links = before instanceof Uint8Array ? Buffer.from(before).toString() : '<!DOCTYPE html>\n';
  const link = `<a href="../../files/${file}#sha256=${hex}" data-requires-python="&gt;=3.8">${file}</a><br/>\n`;
  server.files.set(`simple/${name}/`, Buffer.from(links + link));
  server.files.set(`files/${file}`, bytes);
  return `--hash=sha256:${hex}`;
}

function treeWithPython(): ImageTree {
  const tree = new ImageTree();
  const root = { uid: 0, gid: 0 };
  tree.set({ path: 'usr/bin/python3', type: 'symlink', mode: 0o777, ...root, linkTarget: 'python3.13' });
  tree.set({ path: 'usr/bin/python3.13', type: 'file', mode: 0o755, ...root });
  return tree;
}

const site = 'opt/app/.venv/lib/python3.13/site-packages';

async function plan(t: ExecutionContext, server: TestServer, requirements: string, tree = treeWithPython()) {
  return await planLayers(t, {
    rule: { kind: 'python' },
    files: { 'main.py': 'own', 'requirements.txt': requirements },
    context: {
      tree,
      pythonIndex: `${server.url}/simple`,
      versionOf: (name) => (name === 'libc6' ? '2.41-12' : undefined),
    },
  });
}

test('planApp() installs the wheels of requirements.txt into an environment that starts', async (t) => {
  const server = await startServer(t);
  const hash = await publish(server, 'demo-tool', 'Demo_Tool-1.0-py3-none-any.whl', {
    'demo/__init__.py': 'x',
    'd-1.data/scripts/old': '#!python\nprint()',
    'd-1.data/purelib/pure.py': 'pure',
    'd-1.data/data/share/d.txt': 'data',
    'd-1.data/headers/d.h': 'header',
    'd-1.dist-info/entry_points.txt': '[console_scripts]\ndemo = demo.cli:main [extra]\n\n[other]\nx = y\n',
    ...information,
  });
  const { start, layers } = await plan(
    t,
    server,
    `Demo.Tool==1.0 ${hash}\nnever==1 ; os_name == "nt" ${hash}\n`,
  );
  t.deepEqual(start.cmd, ['/opt/app/.venv/bin/python', '-u', '/opt/app/main.py']);
  t.deepEqual([...start.env], [['PATH', '/opt/app/.venv/bin']]);
  t.deepEqual(layers[0], {
    what: '1 Python packages',
    files: {
      'opt/app/.venv/bin/demo':
        '#!/opt/app/.venv/bin/python\nimport sys\nfrom demo.cli import main\n\nsys.exit(main())\n',
      'opt/app/.venv/bin/old': '#!/opt/app/.venv/bin/python\nprint()',
      'opt/app/.venv/bin/python': '-> /usr/bin/python3',
      'opt/app/.venv/bin/python3': '-> python',
      [`${site}/d-1.dist-info/METADATA`]: 'Name: d\n',
      [`${site}/d-1.dist-info/WHEEL`]: 'Wheel-Version: 1.0\n',
      [`${site}/d-1.dist-info/entry_points.txt`]:
        '[console_scripts]\ndemo = demo.cli:main [extra]\n\n[other]\nx = y\n',
      [`${site}/demo/__init__.py`]: 'x',
      [`${site}/pure.py`]: 'pure',
      'opt/app/.venv/pyvenv.cfg': 'home = /usr/bin\ninclude-system-site-packages = true\nversion = 3.13\n',
      'opt/app/.venv/share/d.txt': 'data',
    },
  });
  t.deepEqual(Object.keys(layers[1]?.files ?? {}), ['opt/app/main.py', 'opt/app/requirements.txt']);
});

test('planApp() takes the wheel that fits the image best, and gives a large one a layer of its own', async (t) => {
  const server = await startServer(t);
  const files = { ...information, 'big.so': 'x'.repeat(5_000_000) };
  const hashes = [
    await publish(server, 'd', 'd-1-py3-none-any.whl', { ...information, 'slow.py': 'x' }),
    await publish(server, 'd', 'd-1-cp313-cp313-manylinux_2_28_x86_64.whl', files),
    await publish(server, 'd', 'd-1-cp313-cp313-manylinux_2_99_x86_64.whl', information),
  ];
  await publish(server, 'd', 'd-1-cp313-cp313-manylinux_2_40_x86_64.whl', {
    ...information,
    new: 'not locked',
  });
  const { layers } = await plan(t, server, `d==1 ${hashes.join(' ')}\n`);
  t.deepEqual(
    layers.map(({ what }) => what),
    ['Python package d 1', '0 Python packages', 'app .'],
  );
});

test('planApp() refuses wheels that do not fit, are missing, or are others than locked', async (t) => {
  const server = await startServer(t);
  const hash = await publish(server, 'd', 'd-1-cp310-cp310-manylinux_2_28_x86_64.whl', information);
  await t.throwsAsync(plan(t, server, `d==1 ${hash}\n`), {
    code: 'APP_UNSUPPORTED',
    message: /no wheel for Python 3\.13/,
  });
  const none = `--hash=sha256:${'0'.repeat(64)}`;
  await t.throwsAsync(plan(t, server, `d==1 ${none}\n`), { code: 'APP_UNSUPPORTED', message: /no file of/ });
  await t.throwsAsync(plan(t, server, `gone==1 ${none}\n`), { code: 'ARCHIVE_NOT_FOUND' });
  const other = await publish(server, 'e', 'e-1-py3-none-any.whl', information);
  server.files.set('files/e-1-py3-none-any.whl', Buffer.from('other'));
  await t.throwsAsync(plan(t, server, `e==1 ${other}\n`), { code: 'PACKAGE_MISMATCH' });
  await t.throwsAsync(plan(t, server, `d==1 ${hash}\n`, new ImageTree()), { code: 'PROGRAM_MISSING' });
});

const hostile: readonly (readonly [why: string, files: { readonly [path: string]: string }, code: string])[] =
  [
    ['a path that leads out', { ...information, '../x': '' }, 'ZIP_INVALID'],
    ['nothing that says what it is', { 'd.py': '' }, 'APP_INVALID'],
    ['two descriptions', { ...information, 'e-1.dist-info/WHEEL': 'Wheel-Version: 1.0\n' }, 'APP_INVALID'],
    ['a newer format', { 'd-1.dist-info/WHEEL': 'Wheel-Version: 2.0\n' }, 'APP_INVALID'],
    [
      'a program with a path for a name',
      { ...information, 'd-1.dist-info/entry_points.txt': '[console_scripts]\n../x = a:b\n' },
      'APP_INVALID',
    ],
    [
      'a program with code for a name',
      { ...information, 'd-1.dist-info/entry_points.txt': '[console_scripts]\nx = a:b;c\n' },
      'APP_INVALID',
    ],
  ];

for (const [why, files, code] of hostile) {
  test(`planApp() refuses a wheel with ${why}`, async (t) => {
    const server = await startServer(t);
    const hash = await publish(server, 'd', 'd-1-py3-none-any.whl', files);
    await t.throwsAsync(plan(t, server, `d==1 ${hash}\n`), { code });
  });
}
