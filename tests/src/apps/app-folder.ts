import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import { startServer } from '@img/builder/debian/testing/test-server';
import { makeTar } from '@img/builder/testing/make-deb';
import { encodeZip } from '@img/builder/zip/encode-zip';
import type { ExecutionContext } from 'ava';
import { javaClasses } from './java-classes.ts';

type Files = { readonly [path: string]: string | Uint8Array };

/** An app of one kind, and what finds the packages that it needs. */
export type TestApp = { readonly files: Files; readonly variables: { readonly [name: string]: string } };

/** Writes files below a folder. */
export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** A Node.js app that needs a package of a registry of its own. */
export async function nodeApp(t: ExecutionContext): Promise<TestApp> {
  const server = await startServer(t);
  const content = "module.exports = () => 'node says hello in ' + process.cwd()";
  const archive = gzipSync(await makeTar([{ name: 'package/index.js', content }]));
  server.files.set('greeting/-/greeting-1.0.0.tgz', archive);
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  const packages = { '': {}, 'node_modules/greeting': { version: '1.0.0', integrity } };
  return {
    files: {
      'package.json': '{"name": "shop", "version": "1.2.3", "dependencies": {"greeting": "1"}}',
      'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages }),
      'index.js': "console.log(require('greeting')())",
    },
    variables: { npm_config_registry: server.url },
  };
}

/** A Python app that needs a wheel of an index of its own, and has a program of that to start. */
export async function pythonApp(t: ExecutionContext): Promise<TestApp> {
  const server = await startServer(t);
  const name = 'greeting-1.0-py3-none-any.whl';
  const wheel = await zip({
    'greeting.py': 'def hello():\n    print("python says hello")\n',
    'greeting-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    'greeting-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n',
    'greeting-1.0.dist-info/entry_points.txt': '[console_scripts]\ngreet = greeting:hello\n',
  });
  const hex = createHash('sha256').update(wheel).digest('hex');
  server.files.set('simple/greeting/', Buffer.from(`<a href="../../${name}#sha256=${hex}">${name}</a>`));
  server.files.set(name, wheel);
  return {
    files: {
      'main.py': 'import greeting\ngreeting.hello()\n',
      'requirements.txt': `greeting==1.0 --hash=sha256:${hex}\n`,
    },
    variables: { PIP_INDEX_URL: `${server.url}/simple` },
  };
}

/** A fat jar of Spring Boot's layout, whose own loader is not needed. */
export async function jarApp(): Promise<TestApp> {
  const library = await zip({ 'lib/Greeting.class': javaClasses['lib/Greeting.class'] });
  const manifest = [
    'Manifest-Version: 1.0',
    'Implementation-Title: shop',
    'Main-Class: org.springframework.boot.loader.launch.JarLauncher',
    'Start-Class: app.Main',
    'Spring-Boot-Classes: BOOT-INF/classes/',
    'Spring-Boot-Lib: BOOT-INF/lib/',
  ];
  const jar = await zip({
    'META-INF/MANIFEST.MF': `${manifest.join('\r\n')}\r\n\r\n`,
    'BOOT-INF/classes/app/Main.class': javaClasses['app/Main.class'],
    'BOOT-INF/lib/greeting-1.0.jar': library,
  });
  return { files: { 'target/shop.jar': jar }, variables: {} };
}

async function zip(files: Files): Promise<Buffer> {
  const items = Object.entries(files).map(([path, content]) => {
    const bytes = Buffer.from(content as string);
    return { path, crc32: crc32(bytes), sizeBytes: bytes.byteLength, read: () => [bytes] };
  });
  return Buffer.concat(await Array.fromAsync(encodeZip(items)));
}
