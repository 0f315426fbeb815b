#!/usr/bin/env node
// The command, for a Node of the caller's choice; bin/img chooses the right one. Plain JavaScript, so that a Node which
// can't run img can still read this file and say so. A CommonJS module, as package.json beside it says: Node's loader
// of ES modules costs milliseconds.

const [major, minor] = process.versions.node.split('.').map(Number);

// 24.19 is the first whose crypto.verify() refuses every signature that it should.
if (major > 24 || (major === 24 && minor >= 19)) {
  const fs = process.getBuiltinModule('node:fs');
  const { createRequire, enableCompileCache } = process.getBuiltinModule('node:module');
  const { dirname, isAbsolute, join, resolve } = process.getBuiltinModule('node:path');

  // That of the command if there is one, or that of all commands; never one that was made of other sources than are
  // here now. See src/bundle/make-bundle.ts.
  const findBundle = (verb) => {
    const own = isAboutAll() ? 'no-verb' : isVerb(verb) ? verb : 'img';
    const stamps = readStamps(own) ?? readStamps('img');
    return stamps?.root === root && stamps.inputs.every(isUnchanged) ? stamps : undefined;
  };
  const isVerb = (word) => /^[a-z]{1,20}$/.test(word);
  // Nothing but this needs no command; a word more may name one.
  const isAboutAll = () =>
    process.argv.length < 4 && [undefined, '--help', '-h', '--version'].includes(process.argv[2]);
  const readStamps = (name) => {
    const path = `${root}/cli/dist/${name}`;
    try {
      return { ...JSON.parse(fs.readFileSync(`${path}.json`, 'utf8')), path: `${path}.cjs` };
    } catch {
      // There is none.
      return undefined;
    }
  };
  const isUnchanged = ([path, sizeBytes, mtimeMs, ctimeMs]) => {
    const found = fs.statSync(`${root}/${path}`, { throwIfNoEntry: false });
    return found?.size === sizeBytes && found.mtimeMs === mtimeMs && found.ctimeMs === ctimeMs;
  };
  // As src/config/default-folders.ts; a cache folder from a config.yaml is not worth reading one here.
  const cacheFolder = () => {
    const { IMG_CACHE, XDG_CACHE_HOME } = process.env;
    const chosen = folders.cache || IMG_CACHE;
    if (chosen) return resolve(chosen);
    if (process.getuid() === 0) return '/var/cache/img';
    const home = () => process.getBuiltinModule('node:os').homedir();
    return join(isAbsolute(XDG_CACHE_HOME ?? '') ? XDG_CACHE_HOME : join(home(), '.cache'), 'img');
  };
  // Whoever can write there, or put another folder in its place, decides what runs: only this user and root may. In a
  // user namespace, root of the host is whoever has its top folder. Undefined where there is none to keep anything in.
  const compiledFolder = () => {
    try {
      const folder = join(cacheFolder(), 'compiled');
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      const path = fs.realpathSync(folder);
      const owners = [process.geteuid()];
      if (!isWrittenBy(owners, fs.statSync(path), 0o022)) return undefined;
      owners.push(fs.statSync('/').uid);
      for (let above = path; above !== '/'; ) {
        above = dirname(above);
        // In one with the sticky bit, what is somebody's stays where it is.
        const status = fs.statSync(above);
        if (!isWrittenBy(owners, status, status.mode & 0o1000 ? 0 : 0o022)) return undefined;
      }
      return path;
    } catch {
      return undefined;
    }
  };
  const isWrittenBy = (owners, { uid, mode }, others) => owners.includes(uid) && (mode & others) === 0;

  // A bundle is one function, of what it needs from here; see src/bundle/make-bundle.ts.
  const runBundle = ({ path, encoding }, verb) => {
    const { Script, constants } = process.getBuiltinModule('node:vm');
    // It is one that Node may change; img has its own Node, and nobody who types a command can do anything about it.
    const { emitWarning } = process;
    process.emitWarning = (warning, ...rest) => {
      if (!String(warning).includes('USE_MAIN_CONTEXT_DEFAULT_LOADER'))
        emitWarning.call(process, warning, ...rest);
    };
    const source = fs.readFileSync(path, encoding);
    // Which it is, it says itself: beside it there may be another by now, and V8 looks at no more than the length.
    const [, id] = /\n\/\/(\w+)$/.exec(source.slice(-40)) ?? [];
    const code = new CompiledCode(isVerb(verb) ? verb : 'img', id);
    const script = new Script(source, {
      filename: path,
      cachedData: code.read(),
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    // The help of a command needs next to nothing of it, and would be all that is kept for an hour.
    const isHelp = isVerb(verb) && /^(?:--help|-h)$/.test(process.argv.at(-1));
    if (!isHelp && (script.cachedDataRejected !== false || code.isOld)) {
      process.once('exit', (exitCode) => {
        // What failed at once has needed only a part.
        if (exitCode === 0) code.write(script.createCachedData());
      });
    }
    script.runInThisContext()(createRequire(path));
  };

  // Every function that a command needed, compiled: that of Node has only those that run while a file is loaded. Made
  // anew every hour, because what is needed depends on what a command has to do; what it had before stays in it.
  class CompiledCode {
    constructor(name, id) {
      this.prefix = `${name}-`;
      this.path = join(compiled ?? '', `${name}-${id}-${process.version}-${process.arch}`);
      this.isOld = false;
    }

    read() {
      if (compiled === undefined) return undefined;
      try {
        this.isOld = Math.abs(Date.now() - fs.statSync(this.path).mtimeMs) > 3_600_000;
        return fs.readFileSync(this.path);
      } catch {
        return undefined;
      }
    }

    // On the disk before it has its name: V8 doesn't look for what a crash of the host would do to it.
    write(bytes) {
      if (compiled === undefined) return;
      const temporary = `${this.path}.${process.pid}.${process.hrtime.bigint()}`;
      try {
        this.removeOld();
        fs.writeFileSync(temporary, bytes, { mode: 0o600, flush: true, flag: 'wx' });
        fs.renameSync(temporary, this.path);
      } catch {
        // The next one compiles it again.
        if (fs.existsSync(temporary)) fs.rmSync(temporary, { force: true });
      }
    }

    // Of bundles that were made since, and of commands that were killed.
    removeOld() {
      for (const name of fs.readdirSync(compiled).filter((found) => found.startsWith(this.prefix))) {
        const path = join(compiled, name);
        const ageMs = Date.now() - (fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
        if (ageMs > 7 * 86_400_000) fs.rmSync(path, { force: true });
      }
    }
  }

  // The folders that units of systemd name before the verb.
  const folders = {};
  let place = 2;
  for (; /^--(?:config|root|run|cache)$/.test(process.argv[place]); place += 2) {
    folders[process.argv[place].slice(2)] = process.argv[place + 1];
  }
  const verb = process.argv[place];
  const compiled = compiledFolder();
  // Before anything is loaded: what the cache has isn't compiled again, nor is Node's compiler for TypeScript started.
  if (compiled !== undefined) enableCompileCache(compiled);
  const root = join(__dirname, '../..');
  const bundle = findBundle(verb);
  if (bundle === undefined) void import('../src/main.ts');
  else runBundle(bundle, verb);
} else {
  process.stderr.write(
    `img: needs Node 24.19 or newer, but ${process.execPath} is ${process.versions.node}\n` +
      '     hint: in the repository, npm ci installs the right one and npx img … uses it\n',
  );
  process.exitCode = 1;
}
