#!/usr/bin/env node
// Plain JavaScript, so that a Node which can't run img can still read this file and say so.
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const [major, minor] = process.versions.node.split('.').map(Number);

// 24.19 is the first whose crypto.verify() refuses every signature that it should.
if (major > 24 || (major === 24 && minor >= 19)) {
  // Before anything in TypeScript is loaded: with what the cache has, Node's compiler for it isn't even started.
  // In a folder of our own, because whoever may write it decides what runs.
  module.enableCompileCache(join(cacheFolder(), 'compiled'));
  await import('../src/main.ts');
} else {
  process.stderr.write(
    `img: needs Node 24.19 or newer, but ${process.execPath} is ${process.versions.node}\n` +
      '     hint: in the repository, npm ci installs the right one and npx img … uses it\n',
  );
  process.exitCode = 1;
}

// As src/config/default-folders.ts; a cache folder from a config.yaml is not worth reading one here.
function cacheFolder() {
  const { IMG_CACHE, XDG_CACHE_HOME } = process.env;
  if (IMG_CACHE) return IMG_CACHE;
  return process.getuid() === 0 ? '/var/cache/img' : join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'img');
}
