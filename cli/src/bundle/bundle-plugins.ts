import { readFile } from 'node:fs/promises';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

// Read by each command. All others are large, or look for files of their own beside their code, and few commands
// need any of them.
const includedPackages: readonly string[] = ['commander', 'yaml', '@noble/ed25519', '@noble/ciphers'];

/** Leaves packages where npm has installed them, by their full path, except for those that each command reads. */
export const externalPackages: Plugin = {
  name: 'external-packages',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (pluginData === externalPackages.name || isBuiltin(path) || path.startsWith('@img/')) return;
      if (includedPackages.some((name) => path === name || path.startsWith(`${name}/`))) return;
      // What is imported statically becomes a require(), for which a package may have another file.
      const asRequired = kind === 'import-statement' ? 'require-call' : kind;
      const found = await build.resolve(path, {
        kind: asRequired,
        resolveDir,
        importer,
        pluginData: externalPackages.name,
      });
      return found.errors.length > 0 ? found : { path: found.path, external: true };
    });
  },
};

/**
 * Of undici, which loads everything that a browser has, the part that the client of registries uses: requests over
 * HTTP/1.1. Where it is imported for something else it is left as it is.
 */
export const undiciParts: Plugin = {
  name: 'undici-parts',
  setup(build) {
    build.onResolve({ filter: /^undici$/ }, ({ importer, resolveDir }) => {
      if (!importer.endsWith('/registry/src/client/transport.ts')) return undefined;
      return { path: 'undici', namespace: 'parts', pluginData: resolveDir };
    });
    build.onLoad({ filter: /^/, namespace: 'parts' }, ({ pluginData }) => ({
      resolveDir: dirname(createRequire(join(pluginData, 'importer')).resolve('undici')),
      contents: [
        `require('./lib/dispatcher/dispatcher.js').prototype.request = require('./lib/api/api-request.js');`,
        `exports.Agent = require('./lib/dispatcher/agent.js');`,
      ].join('\n'),
      loader: 'js',
    }));
    // Loads Node's own HTTP/2, and is never called: the client doesn't allow it.
    build.onLoad({ filter: /\/undici\/lib\/dispatcher\/client-h2\.js$/ }, () => ({
      contents: '',
      loader: 'js',
    }));
  },
};

/** Lets modules find the files beside them as if they were not in a bundle. */
export const keptPlaces: Plugin = {
  name: 'kept-places',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const contents = text
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href));
      return { contents, loader: 'ts' };
    });
  },
};

/** Leaves out the commands that a bundle is not for. */
export function onlyCommand(verb: string): Plugin {
  return {
    name: 'only-command',
    setup(build) {
      build.onResolve({ filter: /^\.\/commands\/[^/]+\.ts$/ }, ({ path }) =>
        path === `./commands/${verb}.ts` ? undefined : { path, external: true },
      );
    },
  };
}

/** Leaves the modules of Node to the `require` of the bundle, and collects which it may ask for. */
export class ExternalBuiltins {
  readonly found = new Set<string>();

  readonly plugin: Plugin = {
    name: 'external-builtins',
    setup: (build) => {
      build.onResolve({ filter: /^node:/ }, ({ path }) => {
        this.found.add(path);
        return { path, external: true, sideEffects: false };
      });
    },
  };
}
