const notLazy: readonly string[] = ['node:process'];

// Plain JavaScript, for it is in the bundle as it is here.
const standIns = `(load, keysOf) => {
  const made = {};
  const make = (id, keys) => {
    let loaded;
    const get = (key) => (loaded ??= process.getBuiltinModule(id))[key];
    const standIn = {};
    for (const key of keys) Object.defineProperty(standIn, key, { enumerable: true, get: () => get(key) });
    return standIn;
  };
  return (id) => made[id] ??= keysOf[id] === undefined ? load(id) : make(id, keysOf[id].split(' '));
}`;

/**
 * Wraps the code of a bundle in a function of `require`, within which modules of Node are loaded when something of
 * them is first used: some cost milliseconds, and what is imported at the top of a file is often needed by few of the
 * commands that load the file.
 *
 * @param builtins the modules of Node that the code may require
 */
export function wrapBundle(code: string, builtins: Iterable<string>): string {
  const keys = [...builtins].flatMap((name) => keysOf(name).map((found) => [name, found]));
  // In parentheses, because V8 then compiles it at once.
  return `(function(require){"use strict";require=(${standIns})(require,${JSON.stringify(Object.fromEntries(keys))});${code}\n})`;
}

// Nothing else can stand in for functions, such as that of node:assert.
function keysOf(name: string): readonly string[] {
  const builtin = process.getBuiltinModule(name);
  if (typeof builtin !== 'object' || notLazy.includes(name)) return [];
  const keys = Object.keys(builtin).filter((key) => key !== 'default');
  return [keys.join(' ')];
}
