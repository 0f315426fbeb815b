import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { type Extract, extract } from 'tar-stream';
import { readTar } from '../testing/read-tar.ts';
import { bytesOf } from './byte-string.ts';
import type { TarEntry } from './tar-entry.ts';

// What Python's reader says of each member, as JSON; bytes that are not UTF-8 come as surrogates, so as hex.
const pythonList = `
import json, sys, tarfile
kinds = {'0': 'file', '\\0': 'file', '7': 'file', 'S': 'file', '1': 'hardlink', '2': 'symlink', '3': 'character-device',
         '4': 'block-device', '5': 'directory', '6': 'fifo'}
hexed = lambda text: text.encode('utf-8', 'surrogateescape').hex()
rows = []
with tarfile.open(sys.argv[1], errors='surrogateescape', encoding='utf-8') as archive:
    for m in archive:
        time = m.pax_headers.get('mtime', str(int(m.mtime)))
        rows.append(dict(kind=kinds[m.type.decode('latin1')], path=hexed(m.name.rstrip('/')),
            link=hexed(m.linkname) if m.islnk() or m.issym() else '', mode=m.mode & 0o7777, uid=m.uid, gid=m.gid,
            size=m.size if m.isreg() else 0, time=time, major=m.devmajor if m.isdev() and not m.isfifo() else 0,
            minor=m.devminor if m.isdev() and not m.isfifo() else 0,
            sparse=[list(p) for p in m.sparse if p[1]] if m.sparse is not None else None))
print(json.dumps(rows))
`;

function listWithPython(archive: string): unknown {
  return JSON.parse(
    execFileSync('python3', ['-c', pythonList, archive], { encoding: 'utf8', maxBuffer: 2 ** 26 }),
  );
}

function asPythonSays(entry: TarEntry): object {
  const hex = (value: TarEntry['path']) => bytesOf(value).toString('hex');
  const fraction = String(entry.mtimeNanoseconds).padStart(9, '0').replace(/0+$/, '');
  return {
    kind: entry.kind,
    path:
      bytesOf(entry.path).toString('latin1').replace(/\/+$/, '') === ''
        ? hex(entry.path)
        : hex(entry.path).replace(/(2f)+$/, ''),
    link: hex(entry.linkTarget),
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.size,
    time: fraction === '' ? String(entry.mtimeSeconds) : `${entry.mtimeSeconds}.${fraction}`,
    major: entry.deviceMajor,
    minor: entry.deviceMinor,
    sparse: entry.sparse === undefined ? null : entry.sparse.map((piece) => [piece.fileOffset, piece.size]),
  };
}

/** A folder with everything that archives can hold; devices only where the process may make them. */
function makeTree(t: ExecutionContext): string {
  const root = join(temporaryFolder(t), 'tree');
  mkdirSync(join(root, 'folder/nested'), { recursive: true });
  writeFileSync(join(root, 'empty'), '');
  writeFileSync(join(root, 'file'), 'content\n', { mode: 0o4711 });
  writeFileSync(join(root, 'folder', 'n'.repeat(120)), 'long name');
  mkdirSync(join(root, 'd'.repeat(90), 'e'.repeat(90)), { recursive: true });
  writeFileSync(join(root, 'd'.repeat(90), 'e'.repeat(90), 'deep'), 'deep');
  writeFileSync(join(root, 'Főtanúsítvány'), 'UTF-8');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x61, 0xff, 0x80])]), 'not UTF-8');
  symlinkSync('../file', join(root, 'folder/link'));
  symlinkSync('t'.repeat(150), join(root, 'long-link'));
  linkSync(join(root, 'file'), join(root, 'zz-hard-link'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  if (process.geteuid?.() === 0) {
    execFileSync('mknod', [join(root, 'null'), 'c', '1', '3']);
    execFileSync('mknod', [join(root, 'disk'), 'b', '7', '300']);
    execFileSync('chown', ['1234:5678', join(root, 'empty')]);
  }
  const hole = openSync(join(root, 'sparse'), 'w');
  writeSync(hole, 'start', 0);
  writeSync(hole, 'middle', 1024 * 1024);
  ftruncateSync(hole, 3 * 1024 * 1024);
  closeSync(hole);
  utimesSync(join(root, 'file'), 0, 1_234_567_890.5);
  return root;
}

const writers: readonly (readonly [name: string, tool: string, command: readonly string[]])[] = [
  ...['v7', 'oldgnu', 'gnu', 'ustar', 'posix'].map((format) => {
    return [
      `GNU tar's ${format}`,
      'tar',
      ['tar', '--format', format, '--ignore-failed-read', '-cf'],
    ] as const;
  }),
  ['GNU tar’s old sparse format', 'tar', ['tar', '--format=gnu', '--sparse', '-cf']],
  ...['0.0', '0.1', '1.0'].map((version) => {
    return [
      `GNU tar's sparse format ${version}`,
      'tar',
      ['tar', '--format=posix', `--sparse-version=${version}`, '--sparse', '-cf'],
    ] as const;
  }),
  ...['pax', 'ustar', 'gnutar', 'v7'].map((format) => {
    return [`bsdtar's ${format}`, 'bsdtar', ['bsdtar', '--format', format, '-cf']] as const;
  }),
  ...['PAX', 'GNU', 'USTAR'].map((format) => {
    const program = `import sys, tarfile\ntar = tarfile.open(sys.argv[1], 'w', format=tarfile.${format}_FORMAT)\nfor name in sys.argv[2:]:\n  try: tar.add(name)\n  except ValueError: pass\ntar.close()`;
    return [`Python's ${format}`, 'python3', ['python3', '-c', program]] as const;
  }),
];

for (const [name, tool, command] of writers) {
  test(`TarReader reads ${name} as Python does`, (t) => {
    if (!needsTool(t, tool) || !needsTool(t, 'python3')) return;
    const root = makeTree(t);
    const archive = join(root, '..', 'archive.tar');
    write(command, archive, root);
    const bytes = readFileSync(archive);
    const entries = readTar(bytes, 65_536);
    t.true(entries.length > 10);
    t.deepEqual(entries.map(asPythonSays), listWithPython(archive) as object[]);
    const file = entries.find(({ path }) => bytesOf(path).toString().endsWith('/file'));
    t.is(bytes.toString('utf8', file?.contentOffset, (file?.contentOffset ?? 0) + 8), 'content\n');
  });
}

// Old formats can't hold every name of the tree: the tools say so, end with an error, and leave those out.
function write(command: readonly string[], archive: string, root: string): void {
  const [program = '', ...args] = command;
  try {
    execFileSync(program, [...args, archive, 'tree'], { cwd: join(root, '..'), stdio: 'pipe' });
  } catch (error) {
    if ((error as { status?: number }).status === undefined) throw error;
  }
}

test('TarReader finds the contents where tar-stream finds them', async (t) => {
  const root = makeTree(t);
  const archive = join(root, '..', 'archive.tar');
  execFileSync('tar', ['--format=posix', '-cf', archive, 'tree'], { cwd: join(root, '..') });
  const bytes = readFileSync(archive);
  const found: unknown[] = [];
  for await (const entry of Readable.from([bytes]).pipe(extract()) as Extract) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) chunks.push(chunk as Uint8Array);
    const { name, linkname, size } = entry.header;
    found.push([name, linkname ?? '', size, Buffer.concat(chunks).toString('base64')]);
  }
  const ours = readTar(bytes).map((entry) => [
    bytesOf(entry.path).toString(),
    bytesOf(entry.linkTarget).toString(),
    entry.size,
    bytes.toString('base64', entry.contentOffset, entry.contentOffset + entry.size),
  ]);
  t.deepEqual(ours, found);
});

test('TarReader reads the attributes that GNU tar and bsdtar write', (t) => {
  const root = join(temporaryFolder(t), 'tree');
  mkdirSync(root);
  writeFileSync(join(root, 'file'), 'x');
  const set = `import os, sys\nos.setxattr(sys.argv[1], 'user.text', b'a\\x00\\n=b')`;
  try {
    execFileSync('python3', ['-c', set, join(root, 'file')], { stdio: 'pipe' });
  } catch {
    t.log('not tested: needs a temporary folder with extended attributes');
    t.pass();
    return;
  }
  const commands: readonly (readonly string[])[] = [
    ['tar', '--format=posix', '--xattrs', '-cf'],
    ['bsdtar', '--format=pax', '--xattrs', '-cf'],
  ];
  for (const [program = '', ...args] of commands) {
    if (!needsTool(t, program)) continue;
    const archive = join(root, '..', `${program}.tar`);
    execFileSync(program, [...args, archive, 'file'], { cwd: root });
    const [entry] = readTar(readFileSync(archive));
    t.deepEqual(
      [...(entry?.xattrs ?? [])].map(([name, value]) => [
        bytesOf(name).toString(),
        Buffer.from(value).toString(),
      ]),
      [['user.text', 'a\0\n=b']],
      program,
    );
  }
});
