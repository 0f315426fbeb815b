import { collect } from '@img/spec/collect';
import { digestOf } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { customSystem, type DebianSystem, debianSystem } from '../debian/system.ts';
import { parseIgnoreRules } from '../files/ignore-rules.ts';
import { readSource } from '../files/read-source.ts';
import { walkSource } from '../files/walk-source.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';

/** Where the packages of an image come from. */
export type ChosenSystem = {
  readonly system: DebianSystem;
  /** The mirror that the recipe names. */
  readonly mirror: string | undefined;
  /** What a lock says of it: everything that decides which packages there are, and no mirror. */
  readonly key: string;
};

/** Where packages of data for `os: scratch` come from. */
const dataSystem = 'debian:13';

const maxKeyringBytes = 1024 * 1024;

/**
 * The system that a recipe names; undefined for one that has no packages.
 *
 * @param folder the folder of the img.yaml
 * @throws BuilderError SYSTEM_UNKNOWN, KEY_INVALID, SOURCE_*
 */
export async function systemOf(
  { os, packages }: Pick<ImageRecipe, 'os' | 'packages'>,
  folder: string,
): Promise<ChosenSystem | undefined> {
  switch (os.kind) {
    case 'image':
      return undefined;
    case 'scratch':
      if (packages.length === 0) return undefined;
      return { system: await debianSystem(dataSystem), mirror: undefined, key: `data of ${dataSystem}` };
    case 'named':
      return { system: await debianSystem(os.name), mirror: os.mirror, key: os.name };
    case 'archive': {
      const { mirror, suites, components } = os;
      const keyring = await readKeyring(folder, os.keyring);
      const key = `suites ${suites.join(' ')}, components ${components.join(' ')}, keyring ${digestOf(keyring)}`;
      return { system: await customSystem({ mirror, suites, components, keyring }), mirror: undefined, key };
    }
  }
}

async function readKeyring(folder: string, path: string): Promise<Uint8Array> {
  const [entry] = await walkSource(folder, path, parseIgnoreRules('', ''));
  if (entry?.type !== 'file') {
    throw new BuilderError('KEY_INVALID', `the keyring ${quote(path)} should be a file`);
  }
  return await collect(readSource(entry), maxKeyringBytes, `keyring ${quote(path)}`);
}
