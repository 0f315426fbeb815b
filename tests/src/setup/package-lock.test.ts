import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

type Lock = {
  readonly packages: {
    readonly [path: string]: {
      readonly optional?: boolean;
      readonly engines?: { readonly node?: string };
      readonly resolved?: string;
      readonly link?: boolean;
    };
  };
};

const root = join(import.meta.dirname, '../../..');
const lock: Lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));

/** What `npm ci` leaves out where it runs on Node 20; it would come from lists of versions like these. */
const refusesNode20 = (engines: string): boolean => !/\b20\b|>= ?(?:[0-9]|1[0-9])(?:\.|$)/.test(engines);

test('package-lock.json lets Node 20 install every optional package, of which npm leaves out what demands more', (t) => {
  // Native halves of packages are optional. npm would not even warn, and `img build` could not read xz.
  const left = Object.entries(lock.packages)
    .filter(([, { optional, engines }]) => optional === true && refusesNode20(engines?.node ?? '>=0.0.0'))
    .map(([path]) => path);
  t.deepEqual(
    left,
    [],
    'delete "engines" of these in package-lock.json: npm runs before Node 24 is installed',
  );
});

test('package-lock.json names no host to download from', (t) => {
  const urls = Object.values(lock.packages).flatMap(({ resolved, link }) =>
    resolved === undefined || link === true ? [] : [resolved],
  );
  t.deepEqual(urls, []);
});
