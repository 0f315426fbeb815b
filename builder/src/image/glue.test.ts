import { Buffer } from 'node:buffer';
import test from 'ava';
import type { Alternative } from '../deb/alternatives.ts';
import type { PackageLayer } from '../layers/package-layers.ts';
import { addGlue } from './glue.ts';
import { ImageTree } from './image-tree.ts';
import { LayerDraft } from './layer-draft.ts';
import { Users } from './users.ts';

const layer = (name: string, ...alternatives: Alternative[]): PackageLayer => {
  return { package: { name }, notes: { alternatives } } as unknown as PackageLayer;
};
const offer = (path: string, priority: number, rest: Partial<Alternative> = {}): Alternative => {
  return { name: 'awk', link: '/usr/bin/awk', path, priority, slaves: [], ...rest };
};

async function glue(
  layers: readonly PackageLayer[],
  { user = '', files = [] as readonly string[], systemUsers = [] as readonly string[] } = {},
) {
  const tree = new ImageTree();
  tree.addPackage(
    files.map((path) => ({ path, type: 'file', mode: 0o644, uid: 0, gid: 0 }) as const),
    'a package',
  );
  const draft = new LayerDraft(tree, 0);
  const users = new Users(
    { passwd: 'root:*:0:0::/root:/bin/sh\n', group: 'root:*:0:\n' },
    user === '' ? undefined : { user, group: undefined },
    systemUsers,
  );
  addGlue(draft, tree, layers, users);
  return await Promise.all(
    draft.items().flatMap(async ({ entry, content }) => {
      const text = Buffer.concat(await Array.fromAsync(content?.() ?? [])).toString();
      const end = entry.linkTarget === undefined ? text.split('\n').slice(-2)[0] : `-> ${entry.linkTarget}`;
      return `${entry.uid} /${entry.path} ${end ?? ''}`.trim();
    }),
  );
}

test('addGlue() links the alternative of the highest priority', async (t) => {
  const layers = [layer('gawk', offer('/usr/bin/gawk', 10)), layer('mawk', offer('/usr/bin/mawk', 5))];
  const expected = [
    '0 /etc',
    '0 /etc/alternatives',
    '0 /etc/alternatives/awk -> /usr/bin/gawk',
    '0 /usr',
    '0 /usr/bin',
    '0 /usr/bin/awk -> /etc/alternatives/awk',
  ];
  t.deepEqual(await glue(layers), expected);
  t.deepEqual(await glue(layers.toReversed()), expected);
});

test('addGlue() takes the first package of equal alternatives, and the slaves of what it takes', async (t) => {
  const slave = (path: string) => [{ name: 'nawk', link: '/bin/nawk', path }];
  const lines = await glue([
    layer('a', offer('/usr/bin/a', 5, { slaves: slave('/usr/bin/a') })),
    layer('b', offer('/usr/bin/b', 5, { slaves: slave('/usr/bin/b') })),
  ]);
  t.true(lines.includes('0 /etc/alternatives/awk -> /usr/bin/a'));
  t.true(lines.includes('0 /etc/alternatives/nawk -> /usr/bin/a'));
  // Written /bin/nawk, which is in /usr/bin on every merged system.
  t.true(lines.includes('0 /usr/bin/nawk -> /etc/alternatives/nawk'));
});

test('addGlue() leaves a file that a package has where an alternative would link', async (t) => {
  t.deepEqual(await glue([layer('mawk', offer('/usr/bin/mawk', 5))], { files: ['usr/bin/awk'] }), []);
});

test('addGlue() says how glibc looks names up, unless a package does', async (t) => {
  t.deepEqual(await glue([layer('libc6')]), ['0 /etc', '0 /etc/nsswitch.conf services: files']);
  t.deepEqual(await glue([layer('libc6')], { files: ['etc/nsswitch.conf'] }), []);
  t.deepEqual(await glue([layer('musl')]), []);
});

test('addGlue() makes the user of the app and its home', async (t) => {
  t.deepEqual(await glue([], { user: 'app' }), [
    '0 /etc',
    '0 /etc/group app:*:65532:',
    '0 /etc/passwd app:*:65532:65532:app:/home/app:/usr/sbin/nologin',
    '0 /home',
    '65532 /home/app',
  ]);
  t.deepEqual(await glue([], { user: 'root' }), []);
});

test('addGlue() lists the users that packages ask for, without making their homes', async (t) => {
  t.deepEqual(await glue([], { systemUsers: ['u varnish - "Varnish Cache" /nonexistent\n'] }), [
    '0 /etc',
    '0 /etc/group varnish:*:426:',
    '0 /etc/passwd varnish:*:426:426:Varnish Cache:/nonexistent:/usr/sbin/nologin',
  ]);
});
