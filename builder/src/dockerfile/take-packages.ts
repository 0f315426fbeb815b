import { debianPackageOf } from './alpine-packages.ts';
import type { ImageDraft } from './image-draft.ts';

function namesOf(words: readonly string[]): readonly string[] {
  // -t bookworm-backports and -o Name=value have a word of their own.
  return words.filter(
    (word, index) =>
      !word.startsWith('-') && !/^(?:-t|-o|--virtual|--target-release)$/.test(words[index - 1] ?? ''),
  );
}

/** `apt-get install` and `remove`; false for anything else. */
export function addPackages(words: readonly string[], draft: ImageDraft, line: number): boolean {
  const [verb, ...names] = namesOf(words);
  if (verb === 'remove' || verb === 'purge') {
    for (const name of names) draft.dropPackage(name);
    return true;
  }
  if (verb !== 'install') return false;
  for (const written of names) {
    const [, name = '', version] =
      /^([a-z0-9][a-z0-9+.-]+)(?::[a-z0-9]+)?(?:=(.*)|\/.*)?$/.exec(written) ?? [];
    const isUsable = name !== '' && !written.includes('$');
    if (!isUsable || !addPackage(name, draft, line)) {
      if (!isUsable)
        draft.note(
          line,
          `RUN apt-get install ${written}`,
          'left',
          'it is no name of a package',
          'add the name to packages',
        );
    } else if (version !== undefined) {
      draft.note(
        line,
        `RUN apt-get install ${written}`,
        'changed',
        'img.lock keeps the versions of packages',
        'img lock writes it; img lock --update takes newer ones',
      );
    }
  }
  return true;
}

function addPackage(name: string, draft: ImageDraft, line: number): boolean {
  if (draft.addPackage(name)) return true;
  draft.note(
    line,
    `RUN apt-get install ${name}`,
    'left',
    `nobody knows which packages fit the image ${draft.from}`,
    'take os: debian:13 instead of from, with the packages that the app needs',
  );
  return false;
}

/** `apk add`; false for anything else but `del`. */
export function addAlpine(words: readonly string[], draft: ImageDraft, line: number): boolean {
  const [verb, ...names] = namesOf(words);
  if (verb === 'del') return true;
  if (verb !== 'add') return false;
  for (const written of names) {
    const name = written.replace(/[=<>~@].*$/, '');
    const found = debianPackageOf(name);
    if (found === '') continue;
    if (found !== undefined) addPackage(found, draft, line);
    else {
      draft.note(
        line,
        `RUN apk add ${written}`,
        'left',
        `nothing is known of what Debian calls ${name}`,
        'look for it at packages.debian.org, and add its name there to packages',
      );
    }
  }
  return true;
}
