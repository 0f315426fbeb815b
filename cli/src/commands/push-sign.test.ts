import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RegistryDouble, refuse } from '@img/registry/testing/registry-double';
import test from 'ava';
import { newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';
import { administrator, startTestRegistry } from '../testing/test-registry.ts';

test('img push --sign signs tags, what is in an image and how it was built', async (t) => {
  const instance = await newInstance(t);
  const host = await startTestRegistry(t, instance);
  await mkdir(join(instance.folder, 'config'), { recursive: true });
  await writeFile(join(instance.folder, 'config/config.yaml'), `registries: {default: "${host}"}\n`);
  const variables = { IMG_KEY_PASSPHRASE: '', IMG_CACHE: join(instance.folder, 'cache') };
  const done = async (words: readonly string[], input = '') => {
    const result = await instance.run(words, { input, variables });
    t.is(result.code, 0, result.stderr);
    return result;
  };
  await done(['key', 'new', 'alice']);
  await done(['trust', 'add', 'alice', '--prefix', 'com.example.']);
  await done(['login', '--username', administrator.name, '--password-stdin', host], administrator.password);
  await writeTestApp(instance, 'one');
  await done(['build', 'app']);
  t.regex(
    (await done(['push', '--sign', 'alice', 'com.example.app'])).stderr,
    /signed with SHA256:\S+, and the list/,
  );

  await rm(join(instance.folder, 'root'), { recursive: true });
  await done(['pull', 'com.example.app:1.0.0']);
  const verify = ['verify', 'com.example.app:1.0.0', '--json', '--require'];
  for (const type of ['sbom', 'provenance']) {
    t.like(JSON.parse((await done([...verify, type])).stdout), { trusted: true });
  }
  await rm(join(instance.folder, 'cache'), { recursive: true });
  const again = await done(['push', '--sign', 'alice', 'com.example.app:1.0.0']);
  t.regex(again.stderr, /it is not stated how sha256:\w+ was built/);
  const wrong = await instance.run(['push', '--sign', 'bob', 'com.example.app'], { variables });
  t.is(wrong.code, 4);
});

test('img push goes on where the registry does not say what a tag meant', async (t) => {
  const instance = await newInstance(t);
  const double = await RegistryDouble.start();
  t.teardown(() => double[Symbol.asyncDispose]());
  await writeTestApp(instance, 'one');
  t.is((await instance.run(['build', 'app'])).code, 0);
  const name = `${double.host}/com.example.app:1.0.0`;
  t.is((await instance.run(['tag', 'com.example.app:1.0.0', name])).code, 0);
  double.misbehave(({ request, response, url }) => {
    if (request.method !== 'HEAD' || !url.pathname.endsWith('/1.0.0')) return false;
    refuse(response, 405, 'UNSUPPORTED');
    return true;
  });
  const pushed = await instance.run(['push', name]);
  t.is(pushed.code, 0, pushed.stderr);
  t.true(double.count(/^HEAD .*\/1\.0\.0$/) > 0);
  t.true(double.manifests.has('com.example.app:1.0.0'));
});
