import { destinationOf } from './copy.ts';
import type { ImageDraft } from './image-draft.ts';

/** `mkdir`; false for patterns. */
export function makeFolders(words: readonly string[], draft: ImageDraft, line: number): boolean {
  const withValue = /^(?:-[mog]|--mode)$/;
  const paths = words.filter(
    (word, index) => !word.startsWith('-') && !withValue.test(words[index - 1] ?? ''),
  );
  const places = paths.map((path) => draft.absolute(path));
  if (paths.length === 0 || places.some((place) => place === undefined || /[*{?]/.test(place))) return false;
  for (const place of places) if (place !== undefined) draft.folders.set(place, line);
  return true;
}

/** `install -d`; false for `install` of files. */
export function installFolders(words: readonly string[], draft: ImageDraft, line: number): boolean {
  return words.includes('-d') && makeFolders(words, draft, line);
}

/** The files that a command without patterns names; undefined if one of them is none of the draft's. */
function filesAt(paths: readonly string[], draft: ImageDraft) {
  const places = paths.map((path) => draft.absolute(path));
  const found = places.map((place) =>
    draft.files.filter((file) => place !== undefined && isBelow(destinationOf(file), place)),
  );
  const areFolders = places.every(
    (place) => place !== undefined && (draft.folders.has(place) || place === draft.workdir),
  );
  return areFolders || found.every((each) => each.length > 0) ? found.flat() : undefined;
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}

/** `chown` of files that were copied; false if there are others. */
export function changeOwner(words: readonly string[], draft: ImageDraft): boolean {
  const [owner = '', ...paths] = words.filter((word) => !word.startsWith('-'));
  const files = filesAt(paths, draft);
  if (files === undefined || paths.length === 0 || !/^[\w][\w.-]*(?::[\w][\w.-]*)?$/.test(owner))
    return false;
  for (const file of files) file.owner = owner;
  return true;
}

/** `chmod` of files that were copied; false if there are others. */
export function changeMode(words: readonly string[], draft: ImageDraft): boolean {
  const [mode = '', ...paths] = words.filter((word) => !/^-[Rcfv]+$/.test(word));
  const places = paths.map((path) => draft.absolute(path));
  const files = draft.files.filter((file) => !file.isFolder && places.includes(destinationOf(file)));
  const octal = /^[au]?\+r?x$/.test(mode)
    ? '0755'
    : /^0?[0-7]{3}$/.test(mode)
      ? mode.padStart(4, '0')
      : undefined;
  if (octal === undefined || files.length !== places.length || files.length === 0) return false;
  for (const file of files) file.mode = octal;
  return true;
}

/** `ln -s /usr/share/zoneinfo/X /etc/localtime`, the one link that most have. */
export function linkTimezone(words: readonly string[], draft: ImageDraft, line: number): boolean {
  const [from = '', to] = words.filter((word) => !word.startsWith('-'));
  const zone = /^\/usr\/share\/zoneinfo\/([\w/+-]+)$/.exec(from)?.[1];
  if (to === '/dev/stdout' || /^\/dev\/std(?:out|err)$/.test(from)) {
    draft.note(
      line,
      `RUN ln ${words.join(' ')}`,
      'left',
      'logs are not led to the output',
      'let the configuration name /dev/stdout and /dev/stderr',
    );
    return true;
  }
  if (zone === undefined || to !== '/etc/localtime') return false;
  draft.addPackage('tzdata');
  draft.env.set('TZ', zone);
  draft.note(line, `RUN ln ${words.join(' ')}`, 'changed', `run.env has TZ: ${zone} instead of a link`);
  return true;
}
