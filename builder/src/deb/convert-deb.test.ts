import { Buffer } from 'node:buffer';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { encodeTar } from '../tar/encode-tar.ts';
import { convert, file, folder, hardLink, link } from '../testing/convert.ts';
import { type DebMember, type DebParts, describeDeb } from '../testing/make-deb.ts';
import { runTool } from '../testing/tool.ts';
import { type ConvertedPackage, convertDeb } from './convert-deb.ts';
import { readDeb } from './read-deb.ts';
import { scannerEntries } from './scanner-entries.ts';

/** One line an entry: type, mode, owner, path, and what it leads to or holds. */
async function listing({ items }: ConvertedPackage): Promise<string[]> {
  return await Promise.all(
    items.map(async ({ entry, content }) => {
      const owner = entry.uid === 0 && entry.gid === 0 ? '' : ` ${entry.uid}:${entry.gid}`;
      const text = Buffer.concat(await Array.fromAsync(content?.() ?? [])).toString();
      const end = entry.linkTarget === undefined ? '' : ` -> ${entry.linkTarget}`;
      const type = { file: '-', directory: 'd', symlink: 'l', hardlink: 'h' }[entry.type];
      return `${type} ${entry.mode.toString(8)}${owner} ${entry.path}${end}${text === '' ? '' : `: ${text.trimEnd()}`}`;
    }),
  );
}

async function convertData(t: ExecutionContext, data: readonly DebMember[], parts: DebParts = {}) {
  const lines = await listing(await convert(t, { data, ...parts }));
  return lines.filter((line) => !/ (var|var\/lib|var\/lib\/dpkg)$|status\.d/.test(line));
}

const conversions: readonly [why: string, data: readonly DebMember[], expected: readonly string[]][] = [
  [
    'sorts by path and lists folders that the package leaves out',
    [file('./usr/b/2', 'two'), file('./usr/a', 'one')],
    ['d 755 usr', '- 644 usr/a: one', 'd 755 usr/b', '- 644 usr/b/2: two'],
  ],
  [
    'keeps permissions and owners by number, whatever names the archive has',
    [
      folder('./var/local/', { mode: 0o2775, gid: 50, gname: 'root' }),
      file('./usr/bin/su', 'x', { mode: 0o4755, uname: 'nobody' }),
      file('./etc/shadow', '', { mode: 0o640, gid: 42 }),
    ],
    [
      'd 755 etc',
      '- 640 0:42 etc/shadow',
      'd 755 usr',
      'd 755 usr/bin',
      '- 4755 usr/bin/su: x',
      'd 2775 0:50 var/local',
    ],
  ],
  [
    'moves /bin, /sbin, /lib and /lib64 into /usr',
    [
      folder('./bin/'),
      file('./bin/sh', 'x'),
      file('./sbin/init', 'x'),
      folder('./lib/'),
      file('./lib/x86_64-linux-gnu/libc.so.6', 'x'),
      folder('./lib64/'),
      link('./lib64/ld-linux-x86-64.so.2', '/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'),
      folder('./usr/lib/'),
      file('./usr/lib/x86_64-linux-gnu/libm.so.6', 'x'),
    ],
    [
      'd 755 usr',
      'd 755 usr/bin',
      '- 644 usr/bin/sh: x',
      'd 755 usr/lib',
      'd 755 usr/lib/x86_64-linux-gnu',
      '- 644 usr/lib/x86_64-linux-gnu/libc.so.6: x',
      '- 644 usr/lib/x86_64-linux-gnu/libm.so.6: x',
      'd 755 usr/lib64',
      'l 777 usr/lib64/ld-linux-x86-64.so.2 -> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
      'd 755 usr/sbin',
      '- 644 usr/sbin/init: x',
    ],
  ],
  [
    'keeps the links of a merged /usr that trixie has in base-files, and folders whose names only begin alike',
    [
      link('./bin', 'usr/bin'),
      link('./lib64', 'usr/lib64'),
      file('./libexec/x', 'x'),
      file('./lib32/y', 'y'),
    ],
    [
      'l 777 bin -> usr/bin',
      'd 755 lib32',
      '- 644 lib32/y: y',
      'l 777 lib64 -> usr/lib64',
      'd 755 libexec',
      '- 644 libexec/x: x',
    ],
  ],
  [
    'leaves documentation out, but for licences',
    [
      file('./usr/share/man/man1/a.1.gz', 'x'),
      file('./usr/share/info/a.info', 'x'),
      file('./usr/share/locale/de/LC_MESSAGES/a.mo', 'x'),
      file('./usr/share/lintian/overrides/a', 'x'),
      file('./usr/share/doc/a/changelog.gz', 'x'),
      file('./usr/share/doc/a/copyright', 'licence'),
      file('./usr/share/doc/a/examples/copyright', 'x'),
      link('./usr/share/doc/b', 'a'),
      file('./usr/share/manual', 'kept'),
    ],
    [
      'd 755 usr',
      'd 755 usr/share',
      'd 755 usr/share/doc',
      'd 755 usr/share/doc/a',
      '- 644 usr/share/doc/a/copyright: licence',
      'l 777 usr/share/doc/b -> a',
      '- 644 usr/share/manual: kept',
    ],
  ],
  [
    'makes the first of several names the file, wherever the archive has it',
    [file('./usr/z', 'same'), hardLink('./usr/b', './usr/z'), hardLink('./usr/a', './usr/z')],
    ['d 755 usr', '- 644 usr/a: same', 'h 644 usr/b -> usr/a', 'h 644 usr/z -> usr/a'],
  ],
  [
    'makes a file of a hard link whose other name is left out, and follows renames',
    [
      file('./usr/share/doc/a/x', 'same'),
      hardLink('./usr/y', './usr/share/doc/a/x'),
      file('./bin/p', 'q'),
      hardLink('./bin/r', './bin/p'),
    ],
    ['d 755 usr', 'd 755 usr/bin', '- 644 usr/bin/p: q', 'h 644 usr/bin/r -> usr/bin/p', '- 644 usr/y: same'],
  ],
  [
    'takes names outside ASCII',
    [file('./usr/Főtanúsítvány.crt', 'x')],
    ['d 755 usr', '- 644 usr/Főtanúsítvány.crt: x'],
  ],
];

for (const [why, data, expected] of conversions) {
  test(`convertDeb() ${why}`, async (t) => {
    const actual = await convertData(t, data);
    t.deepEqual(actual, [...expected]);
  });
}

test('convertDeb() tells scanners what is installed, and of which files they can check the sums', async (t) => {
  const sum = 'd41d8cd98f00b204e9800998ecf8427e';
  const lines = await listing(
    await convert(t, {
      name: 'libx1',
      control: {
        control:
          'Package: libx1\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: Someone\nDescription: text\n Package: not a field\n',
        md5sums: `${sum}  lib/libx.so.1\n${sum}  usr/share/man/man1/x.1.gz\n${sum}  usr/share/missing\n`,
      },
      data: [file('./lib/libx.so.1'), file('./usr/share/man/man1/x.1.gz')],
    }),
  );
  t.true(
    lines.includes(
      '- 644 var/lib/dpkg/status.d/libx1: Package: libx1\nStatus: install ok installed\nVersion: 1.0-1\n' +
        'Architecture: amd64\nMaintainer: Someone\nDescription: text\n Package: not a field',
    ),
  );
  t.true(lines.includes(`- 644 var/lib/dpkg/status.d/libx1.md5sums: ${sum}  usr/lib/libx.so.1`));
});

test('scannerEntries() says which part of a package is there', (t) => {
  const control = 'Package: openjdk-21-jre-headless\nVersion: 21\n';
  const [status] = scannerEntries(
    { name: 'openjdk-21-jre-headless', slice: 'core' },
    control,
    undefined,
    new Map(),
  );
  const bytes = status?.content?.kind === 'made' ? status.content.bytes : new Uint8Array();
  t.is(
    Buffer.from(bytes).toString(),
    'Package: openjdk-21-jre-headless\nStatus: install ok installed\nImg-Part: core\nVersion: 21\n',
  );
});

test('convertDeb() sets all times to 0 and says when the package was built', async (t) => {
  const { items, builtSeconds } = await convert(t, {
    data: [
      file('./a', 'x', { mtime: new Date('2026-03-01T12:00:00Z') }),
      file('./b', 'x', { mtime: new Date('2020-01-01T00:00:00Z') }),
    ],
  });
  t.is(builtSeconds, Date.parse('2026-03-01T12:00:00Z') / 1000);
  t.true(items.every(({ entry }) => entry.mtimeSeconds === 0));
});

test('convertDeb() of base-files makes the links of a merged /usr and those to /run', async (t) => {
  const data = [
    folder('./bin/'),
    folder('./lib/'),
    folder('./var/run/'),
    folder('./var/lock/', { mode: 0o1777 }),
    folder('./tmp/', { mode: 0o1777 }),
  ];
  const of = (architecture: string) => convertData(t, data, { name: 'base-files', architecture });
  const links = ['l 777 bin -> usr/bin', 'l 777 lib -> usr/lib', 'l 777 sbin -> usr/sbin'];
  const rest = [
    'd 1777 tmp',
    'd 755 usr',
    'd 755 usr/bin',
    'd 755 usr/lib',
    'l 777 var/lock -> /run/lock',
    'l 777 var/run -> /run',
  ];
  t.deepEqual(await of('arm64'), [...links, ...rest]);
  t.deepEqual(await of('amd64'), [
    ...links.slice(0, 2),
    'l 777 lib64 -> usr/lib64',
    ...links.slice(2),
    ...rest,
  ]);
});

test('convertDeb() of base-passwd makes the users and groups', async (t) => {
  const data = [
    file('./usr/share/base-passwd/passwd.master', 'root:*:0:0:root:/root:/bin/bash\n'),
    file('./usr/share/base-passwd/group.master', 'root:*:0:\n'),
    file('./usr/sbin/update-passwd', 'ELF', { mode: 0o755 }),
  ];
  const lines = await convertData(t, data, { name: 'base-passwd' });
  t.true(lines.includes('- 644 etc/passwd: root:*:0:0:root:/root:/bin/bash'));
  t.true(lines.includes('- 644 etc/group: root:*:0:'));
  t.false(lines.some((line) => line.includes('update-passwd')));
  t.false((await convertData(t, data, { name: 'other' })).some((line) => line.includes('etc/passwd')));
});

test('convertDeb() of ca-certificates joins the certificates in the order of their names', async (t) => {
  const lines = await convertData(
    t,
    [
      file('./usr/share/ca-certificates/mozilla/B.crt', 'B\n'),
      file('./usr/share/ca-certificates/mozilla/A.crt', 'A'),
      file('./usr/share/ca-certificates/mozilla/README', 'no certificate'),
    ],
    { name: 'ca-certificates', architecture: 'all' },
  );
  t.true(lines.includes('- 644 etc/ssl/certs/ca-certificates.crt: A\nB'));
  t.true(lines.includes('l 777 usr/lib/ssl/cert.pem -> /etc/ssl/certs/ca-certificates.crt'));
});

test('convertDeb() finds the programs that are scripts, and the alternatives that it has the files of', async (t) => {
  const { scripts, alternatives } = await convert(t, {
    control: {
      postinst:
        'update-alternatives --install /usr/bin/awk awk /bin/mawk 5 --slave /usr/bin/nawk nawk /usr/bin/mawk ' +
        '--slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz\n' +
        'update-alternatives --install /usr/bin/x x /usr/bin/missing 5\n',
    },
    data: [
      file('./usr/bin/mawk', '\u007fELF', { mode: 0o755 }),
      file('./usr/share/man/man1/mawk.1.gz', 'x'),
      file('./bin/script', '#!/bin/sh -e\n', { mode: 0o755 }),
      file('./usr/sbin/tool', '#! /usr/bin/env -S A=b python3 -u\n', { mode: 0o755 }),
      file('./usr/bin/not-executable', '#!/bin/sh\n'),
      file('./usr/bin/deeper/script', '#!/bin/sh\n', { mode: 0o755 }),
      file('./usr/bin/odd', '#!sh\n', { mode: 0o755 }),
    ],
  });
  t.deepEqual(
    [...scripts],
    [
      { path: 'usr/bin/script', interpreter: '/bin/sh' },
      { path: 'usr/sbin/tool', interpreter: '/usr/bin/env', lookedUp: 'python3' },
      { path: 'usr/bin/deeper/script', interpreter: '/bin/sh' },
    ],
  );
  t.deepEqual(
    [...alternatives],
    [
      {
        name: 'awk',
        link: '/usr/bin/awk',
        path: '/bin/mawk',
        priority: 5,
        slaves: [{ link: '/usr/bin/nawk', name: 'nawk', path: '/usr/bin/mawk' }],
      },
    ],
  );
});

test('convertDeb() gives the same bytes in whatever order the archive has its members', async (t) => {
  const members = [
    folder('./usr/'),
    folder('./lib/'),
    file('./lib/a', 'a'),
    file('./usr/lib/b', 'b'),
    file('./usr/bin/c', 'c', { mode: 0o755 }),
    link('./usr/bin/d', 'c'),
    file('./usr/share/doc/example/copyright', 'licence'),
  ];
  const bytesOf = async (data: readonly DebMember[]) => {
    return Buffer.concat(await Array.fromAsync(encodeTar((await convert(t, { data })).items)));
  };
  const expected = await bytesOf(members);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(members, { minLength: members.length }), async (shuffled) => {
      t.true((await bytesOf(shuffled)).equals(expected));
    }),
    { numRuns: 20 },
  );
});

test('convertDeb() of what dpkg-deb built unpacks to what dpkg-deb unpacks', async (t) => {
  if (!needsTool(t, 'dpkg-deb') || !needsTool(t, 'tar')) return;
  const cwd = temporaryFolder(t);
  const script = `set -e; umask 022; mkdir -p p/DEBIAN p/usr/bin p/etc/x p/usr/share/doc/example
    printf 'Package: example\\nVersion: 1.0-1\\nArchitecture: amd64\\nMaintainer: a <a@example.org>\\nDescription: x\\n' > p/DEBIAN/control
    seq 1 100000 > p/usr/bin/large; echo small > p/usr/bin/small; chmod 4755 p/usr/bin/small; ln -s small p/usr/bin/link
    ln p/usr/bin/large p/etc/x/hard; : > p/etc/x/empty; echo l > p/usr/share/doc/example/copyright
    name=$(printf 'n%.0s' $(seq 1 200)); echo long > "p/etc/$name"; ln -s "$name" p/etc/far
    dpkg-deb --root-owner-group --build p example.deb >/dev/null; dpkg-deb -x example.deb theirs; mkdir ours`;
  runTool('sh', ['-c', script], { cwd });
  const made = describeDeb(await readFile(join(cwd, 'example.deb')), {
    name: 'example',
    version: '1.0-1',
    architecture: 'amd64',
  });
  await using content = await readDeb(join(cwd, 'example.deb'), made.package, { temporaryFolder: cwd });
  const { items } = await convertDeb(content, made.package);
  await writeFile(join(cwd, 'ours.tar'), encodeTar(items));
  runTool('tar', ['-xpf', '../ours.tar'], { cwd: join(cwd, 'ours') });
  // What differs is meant to: the scanners' data, and the times of folders.
  const list =
    '(cd $d && find . -mindepth 1 -not -path "./var*" -printf "%p %M %n %s %l\\n" | sed "/ d/s/ [0-9]* [0-9]* $//" | sort)';
  runTool('sh', ['-c', `for d in ours theirs; do ${list} > $d.txt; done; diff ours.txt theirs.txt`], { cwd });
  runTool('diff', ['-r', '--exclude=var', '--no-dereference', 'ours', 'theirs'], { cwd });
  t.pass();
});
