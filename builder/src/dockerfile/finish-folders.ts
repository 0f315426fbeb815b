import { posix } from 'node:path';
import { destinationOf } from './copy.ts';
import type { ImageDraft } from './image-draft.ts';

/** Folders that every image of a Debian system has. */
const usual =
  /^\/(?:$|tmp$|var\/tmp$|var\/www(?:\/html)?$|opt$|srv$|home$|root$|usr(?:\/|$)|etc$|var(?:\/(?:log|lib|cache))?$)/;

/** Says which folders of a Dockerfile nothing goes into: there would be nothing to keep in version control for them. */
export function finishFolders(draft: ImageDraft): void {
  const places = [...draft.files.map(destinationOf), ...(draft.app === undefined ? [] : [draft.app.to])];
  for (const [path, line] of draft.folders) {
    const isMade = places.some((place) => place === path || place.startsWith(`${path}/`));
    if (isMade || usual.test(path)) continue;
    draft.note(
      line,
      `the folder ${path}`,
      'left',
      'no file goes into it, so it is not in the image',
      `add a folder with a file such as .keep to files for ${posix.normalize(`${path}/`)}, or show one of the host there: img run --volume`,
    );
  }
}
