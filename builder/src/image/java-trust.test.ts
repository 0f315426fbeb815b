import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { layersOf, type TestDeb, TestSystem, testPackages } from '../testing/test-system.ts';
import { encodeJavaStore } from './java-trust.ts';

/** Two certificates that signed themselves. */
function certificates(t: ExecutionContext): string {
  const folder = temporaryFolder(t);
  return ['one', 'two']
    .map((name) => {
      const subject = ['-subj', `/CN=${name}`, '-keyout', join(folder, 'key'), '-nodes'];
      return execFileSync('openssl', ['req', '-x509', '-newkey', 'ed25519', ...subject], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    })
    .join('');
}

test('encodeJavaStore() makes what keytool reads, and the same each time', async (t) => {
  if (!needsTool(t, 'openssl')) return;
  const bundle = certificates(t);
  const store = encodeJavaStore(bundle);
  t.deepEqual(encodeJavaStore(bundle), store);
  if (!needsTool(t, 'keytool', { isOptional: true })) return;
  const path = join(temporaryFolder(t), 'cacerts');
  await writeFile(path, store);
  const list = execFileSync('keytool', ['-list', '-v', '-keystore', path, '-storepass', 'changeit'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.deepEqual([...list.matchAll(/^Owner: CN=(.*)$/gm)].map(([, name]) => name).sort(), ['one', 'two']);
});

test('buildFolder() gives Java the certificates of the package ca-certificates, in a layer of their own', async (t) => {
  if (!needsTool(t, 'openssl')) return;
  const packages: readonly TestDeb[] = [
    ...testPackages,
    {
      name: 'ca-certificates',
      architecture: 'all',
      data: [{ name: './usr/share/ca-certificates/mozilla/a.crt', content: certificates(t) }],
    },
    {
      name: 'java',
      data: [
        {
          name: './usr/lib/jvm/java-21/lib/security/cacerts',
          type: 'symlink',
          linkname: '/etc/ssl/certs/java/cacerts',
          mode: 0o777,
        },
      ],
    },
  ];
  const what = 'certificates that Java trusts';
  const system = await TestSystem.start(t, 'packages: [ca-certificates, java]\n', { packages });
  t.true(layersOf(await system.build()).includes(what));
  for (const one of ['ca-certificates', 'java']) {
    await system.write({ 'img.yaml': system.recipe(`packages: [${one}]\n`) });
    t.false(layersOf(await system.build()).includes(what), one);
  }
});
