#!/usr/bin/env node
// The command, for a Node of the caller's choice; bin/img chooses the right one. Plain JavaScript, so that a Node which
// can't run img can still read this file and say so. No imports: as ES modules, even those of Node cost milliseconds.

const [major, minor] = process.versions.node.split('.').map(Number);

// 24.19 is the first whose crypto.verify() refuses every signature that it should.
if (major > 24 || (major === 24 && minor >= 19)) {
  const { readFileSync, statSync } = process.getBuiltinModule('node:fs');
  const { createRequire, enableCompileCache } = process.getBuiltinModule('node:module');
  const { join } = process.getBuiltinModule('node:path');

  // That of the command if there is one, or that of all commands; never one that was made of other sources than are
  // here now. See src/bundle/make-bundle.ts.
  const findBundle = (verb) => {
    const stamps = (/^[a-z]+$/.test(verb) ? readStamps(verb) : undefined) ?? readStamps('img');
    return stamps?.root === root && stamps.inputs.every(isUnchanged) ? stamps.bundle : undefined;
  };
  const readStamps = (name) => {
    const path = `${root}/cli/dist/${name}`;
    try {
      return { ...JSON.parse(readFileSync(`${path}.json`, 'utf8')), bundle: `${path}.cjs` };
    } catch {
      // There is none.
      return undefined;
    }
  };
  const isUnchanged = ([path, sizeBytes, mtimeMs, ctimeMs]) => {
    const found = statSync(`${root}/${path}`, { throwIfNoEntry: false });
    return found?.size === sizeBytes && found.mtimeMs === mtimeMs && found.ctimeMs === ctimeMs;
  };
  // As src/config/default-folders.ts; a cache folder from a config.yaml is not worth reading one here.
  const cacheFolder = () => {
    const { IMG_CACHE, XDG_CACHE_HOME } = process.env;
    if (IMG_CACHE) return IMG_CACHE;
    if (process.getuid() === 0) return '/var/cache/img';
    return join(XDG_CACHE_HOME || join(process.getBuiltinModule('node:os').homedir(), '.cache'), 'img');
  };

  // Before anything is loaded: what the cache has isn't compiled again, nor is Node's compiler for TypeScript started.
  // In a folder of our own, because whoever may write it decides what runs.
  enableCompileCache(join(cacheFolder(), 'compiled'));
  const root = join(import.meta.dirname, '../..');
  const bundle = findBundle(process.argv[2]);
  if (bundle === undefined) await import('../src/main.ts');
  else createRequire(import.meta.url)(bundle);
} else {
  process.stderr.write(
    `img: needs Node 24.19 or newer, but ${process.execPath} is ${process.versions.node}\n` +
      '     hint: in the repository, npm ci installs the right one and npx img … uses it\n',
  );
  process.exitCode = 1;
}
