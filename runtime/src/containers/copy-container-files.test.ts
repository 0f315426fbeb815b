import { execFileSync } from 'node:child_process';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { readTree } from '../copy/read-tree.ts';
import type { RuntimeError } from '../runtime-error.ts';
import { isEnded } from '../state/container.ts';
import type { RuntimeName } from '../state/container-record.ts';
import { type ByteString, emptyByteString, quoteBytes } from '../tar/byte-string.ts';
import { each, startDetached } from '../testing/launch-harness.ts';
import { tarArchive } from '../testing/tar-bytes.ts';
import { type CopyRequest, copyContainerFiles, type FilePlace } from './copy-container-files.ts';
import { findContainer } from './find-container.ts';
import { readLog } from './read-log.ts';
import { stopContainer } from './stop-container.ts';

const uid = process.getuid?.() ?? 0;
const waits = 'echo ready; while :; do sleep 0.1; done';

/** A container whose app has done its first part, and what copies into and out of it. */
async function prepare(t: ExecutionContext, runtime: RuntimeName, script: string) {
  const { id, state } = await startDetached(t, runtime, `${script}\n${waits}`, {
    options: { user: '7:8' },
    files: { 'etc/app.conf': 'from the image\n', 'etc/link': { link: '/etc/app.conf' } },
  });
  for await (const _ of readLog(state.logFile(id), { follow: () => state.isAlive(id) })) break;
  const container = findContainer(state, id);
  if (isEnded(container) || container.pid === undefined) return t.fail('it has ended');
  const folder = temporaryFolder(t);
  const left: string[] = [];
  const inside = (path: string): FilePlace => ({ container, path, what: `web:${path}` });
  const outside = (path: string): FilePlace => ({ path: join(folder, path), what: path });
  const copy = async (
    from: CopyRequest['from'],
    to: CopyRequest['to'],
    keepsOwners = false,
    isFollowed = false,
  ) => {
    const options = {
      onLeftOut: (path: ByteString, what: string) => left.push(`${quoteBytes(path)} ${what}`),
    };
    await copyContainerFiles(state, { from, to, isFollowed, keepsOwners }, options);
  };
  /** What the app has, without a way for it to lead this process anywhere. */
  const seen = (path: string) => join(`/proc/${container.pid}/root`, path);
  return { state, container, folder, left, inside, outside, copy, seen };
}

each('files are copied into a container and out of it, as its app sees them', async (t, runtime) => {
  const script =
    'cd /tmp; mkdir -p d/e; echo own >d/f; chmod 4755 d/f; ln -s f d/l; mkfifo d/p; touch d/e/g; ln -s /etc/app.conf conf';
  const { inside, outside, copy, seen, folder, left } = await prepare(
    t,
    runtime,
    script.replace('mkfifo', 'mknod').replace('d/p', 'd/p p'),
  );
  mkdirSync(join(folder, 'site/sub'), { recursive: true });
  writeFileSync(join(folder, 'site/index'), 'hello', { mode: 0o640 });
  writeFileSync(join(folder, 'site/sub/page'), 'page');
  symlinkSync('/etc/app.conf', join(folder, 'site/link'));
  await copy(outside('site'), inside('/tmp'));
  t.is(readFileSync(seen('/tmp/site/index'), 'utf8'), 'hello');
  t.like(statSync(seen('/tmp/site/index')), { uid: 7, gid: 8, mode: 0o100640 });
  t.like(statSync(seen('/tmp/site/sub')), { uid: 7, gid: 8, mode: 0o40755 });
  t.true(lstatSync(seen('/tmp/site/link')).isSymbolicLink());
  await copy(outside('site/.'), inside('/tmp/new'), true);
  t.deepEqual(readdirSync(seen('/tmp/new')).sort(), ['index', 'link', 'sub']);
  t.is(statSync(seen('/tmp/new/index')).uid, uid, 'with its owner');
  await copy(outside('site/sub/page'), inside('/tmp/site/index'));
  t.is(readFileSync(seen('/tmp/site/index'), 'utf8'), 'page', 'in its place');

  await copy(inside('/tmp/d'), outside('.'));
  t.is(readFileSync(join(folder, 'd/f'), 'utf8'), 'own\n');
  t.like(statSync(join(folder, 'd/f')), { uid: uid, mode: 0o100755 }, 'without set-user-ID');
  t.true(lstatSync(join(folder, 'd/l')).isSymbolicLink());
  t.is(statSync(join(folder, 'd/f')).mtimeMs, statSync(seen('/tmp/d/f')).mtimeMs);
  t.deepEqual(left, ['"p" a pipe']);
  const pipe = { code: 'COPY_REFUSED', message: '"p" is a pipe' };
  await t.throwsAsync(copy(inside('/tmp/d/p'), outside('p')), pipe, 'nothing of it is left');
  await copy(inside('/tmp/d'), outside('owned'), true);
  t.like(statSync(join(folder, 'owned/f')), { uid: 7, gid: 8, mode: 0o100755 });
  await copy(inside('/tmp/conf'), outside('conf'), false, true);
  t.is(
    readFileSync(join(folder, 'conf'), 'utf8'),
    'from the image\n',
    'what the link leads to in the container',
  );
  for (const to of ['/tmp/d', '/tmp/d/e', '/tmp/d/new', '/tmp/d/e/new']) {
    await t.throwsAsync(
      copy(inside('/tmp/d'), inside(to)),
      { code: 'COPY_REFUSED', message: /into itself/ },
      to,
    );
  }
  await copy(inside('/tmp/d/f'), inside('/tmp/d/e/same'));
  await copy(inside('/tmp/d/.'), inside('/tmp/site'));
  t.is(readFileSync(seen('/tmp/site/f'), 'utf8'), 'own\n', 'from one to another');
});

function replaceByLink(path: string): void {
  rmSync(path);
  symlinkSync('/etc', path);
}

test('readTree() names what was removed, or has become something else, before it was read', async (t) => {
  for (const [change, reason] of [
    [(path: string) => rmSync(path), 'gone'],
    [replaceByLink, 'a link'],
  ] as const) {
    const folder = temporaryFolder(t);
    for (const name of ['a', 'b']) writeFileSync(join(folder, name), name);
    const descriptor = openSync(folder, 'r');
    t.teardown(() => closeSync(descriptor));
    const place = { folder: descriptor, name: emptyByteString };
    const items = readTree(place, { onLeftOut: () => t.fail() });
    for (const path of ['', 'a', 'b']) {
      const { value } = await items.next();
      t.is(value?.path, path as ByteString);
      if (path !== 'b') continue;
      change(join(folder, 'b'));
      const content = Array.fromAsync(value?.content() ?? []);
      await t.throwsAsync(content, { code: 'FILE_CHANGED', message: /^"b" was changed/ }, reason);
    }
    await items.return(undefined);
  }
});

each('a container is read as an archive, and an archive unpacked in it', async (t, runtime) => {
  const name = 'n'.repeat(150);
  const { inside, copy, seen, folder, state, container } = await prepare(
    t,
    runtime,
    `cd /tmp; mkdir d; echo own >d/${name}; chmod 4755 d/${name}; ln -s ${name} d/l`,
  );
  let archive = Buffer.alloc(0);
  await copy(inside('/tmp/d'), async (bytes) => {
    archive = await buffer(bytes);
  });
  const listed = execFileSync('tar', ['--numeric-owner', '-tv'], { input: archive, encoding: 'utf8' });
  t.regex(listed, new RegExp(`^d\\S+ 7/8 .* d/\n-rwsr-xr-x 7/8 +4 .* d/l? ?|d/l -> ${name}`, 'm'));
  t.is(execFileSync('tar', ['-xO', `d/${name}`], { input: archive, encoding: 'utf8' }), 'own\n');

  mkdirSync(join(folder, 'made'));
  writeFileSync(join(folder, 'made/large'), Buffer.alloc(300_000, 'x'));
  writeFileSync(join(folder, 'made/small'), 'small');
  execFileSync('ln', [join(folder, 'made/small'), join(folder, 'made/twice')]);
  const made = execFileSync('tar', ['-C', folder, '--owner=3', '--group=4', '-c', 'made'], {
    maxBuffer: 2 ** 24,
  });
  // In pieces that end anywhere.
  const inPieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < made.length; at += 10_007) yield made.subarray(at, at + 10_007);
  };
  await copy(inPieces(), inside('/tmp/d/'));
  t.true(readFileSync(seen('/tmp/d/made/large')).equals(Buffer.alloc(300_000, 'x')));
  t.like(statSync(seen('/tmp/d/made/small')), { uid: 7, gid: 8, nlink: 2 });
  await copy(inPieces(), inside('/tmp/d'), true);
  t.like(statSync(seen('/tmp/d/made/large')), { uid: 3, gid: 4 });
  const refused = copy(inPieces(), inside('/etc'));
  const { hint } = (await t.throwsAsync<RuntimeError>(refused, { code: 'COPY_FAILED' })) ?? t.fail();
  t.is(hint, 'writable are /run, /tmp, /var/tmp');
  await stopContainer(state, container, { timeoutMs: 0 });
  const ended = { container: findContainer(state, container.id), path: '/tmp/d', what: 'web:/tmp/d' };
  await t.throwsAsync(copy(ended, inside('/')), {
    code: 'CONTAINER_ENDED',
    message: /everything that it wrote/,
  });
});

each('what an app makes of its links and folders never leads a copy to the host', async (t, runtime) => {
  const folder = temporaryFolder(t);
  const [canary, secret] = [join(folder, 'canary'), join(folder, 'secret')];
  mkdirSync(canary, { mode: 0o777 });
  writeFileSync(secret, 'of the host');
  const {
    inside,
    outside,
    copy,
    seen,
    folder: own,
  } = await prepare(
    t,
    runtime,
    `mkdir /tmp/w; cd /tmp/w; ln -s ${canary} out; ln -s ${secret} file; ln -s /proc/1/root/${canary} proc; ln -s loop loop
     ln -s ../../../../../..${canary} up; mkdir -p real .${canary}
     while :; do ln -s ${canary} d; rm d; mkdir d; rmdir d; done &
     while :; do ln -s ${secret} s; rm s; echo mine >s; rm s; done &`,
  );
  writeFileSync(join(own, 'x'), 'x');
  for (const [path, code, reason] of [
    ['/tmp/w/out/x', 'FILE_UNKNOWN', 'a link to a folder of the host'],
    ['/tmp/w/proc/x', 'COPY_REFUSED', 'a link of the kernel'],
    ['/tmp/w/up/x', 'FILE_UNKNOWN', 'a link up'],
    ['/tmp/w/loop/x', 'COPY_REFUSED', 'a link to itself'],
    [`/../../..${canary}/x`, 'FILE_UNKNOWN', 'a path up'],
    [`/tmp/w/${'x'.repeat(300)}`, 'COPY_FAILED', 'a name that no file system takes'],
  ] as const) {
    await t.throwsAsync(copy(outside('x'), inside(path)), { code }, reason);
  }
  await t.throwsAsync(copy(inside('/tmp/w/file'), outside('got'), false, true), { code: 'FILE_UNKNOWN' });
  const through = [tarArchive({ path: 'l', type: '2', link: canary }, { path: 'l/x', content: 'x' })];
  const archive = (members: readonly Buffer[]) =>
    (async function* () {
      yield* members;
    })();
  await t.throwsAsync(copy(archive(through), inside('/tmp/w/real')), {
    code: 'COPY_REFUSED',
    message: /"l" is a link/,
  });
  const up = [tarArchive({ path: '../x', content: 'x' })];
  await t.throwsAsync(copy(archive(up), inside('/tmp/w/real')), { code: 'ENTRY_PATH_INVALID' });
  t.false(readdirSync(seen('/tmp/w/real')).includes('x'));
  // Whatever is there at that moment; it may also be nothing.
  for (let round = 0; round < 100; round += 1) {
    await copy(outside('x'), inside('/tmp/w/d/x')).catch(() => undefined);
    await copy(inside('/tmp/w/s'), outside(`s${round}`), false, true).catch(() => undefined);
  }
  t.deepEqual(readdirSync(canary), []);
  for (const name of readdirSync(own).filter((found) => /^s\d+$/.test(found))) {
    t.true(['', 'mine\n'].includes(readFileSync(join(own, name), 'utf8')));
  }
});
