import { quote } from '@img/spec/quote';
import type { ImagePath, OwnerChoice } from './image-recipe.ts';
import type { Position } from './located.ts';
import type { Problems } from './problems.ts';

/**
 * A path below the folder of the img.yaml, normalised; `.` is the folder itself. Paths that lead out of it are
 * refused, so that the folder alone decides what an image becomes.
 */
export function parseSourcePath(text: string, position: Position, problems: Problems): string {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (text === '' || text.startsWith('/') || parts.includes('..')) {
    problems.add(position, `${quote(text)} should be a path below the folder of the img.yaml, without ".."`);
  }
  return parts.join('/') || '.';
}

/** An absolute path in the image, normalised. */
export function parseImagePath(text: string, position: Position, problems: Problems): ImagePath {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) problems.add(position, `${quote(text)} should have no ".."`);
  return { path: parts.join('/'), isFolder: text.endsWith('/') || parts.length === 0 };
}

/** `user` or `user:group`; the schema has checked the form. */
export function parseOwner(text: string, position: Position, problems: Problems): OwnerChoice {
  const [user = '', group] = text.split(':');
  for (const part of [user, group]) {
    // 4294967295 means "unchanged" to the kernel.
    if (part !== undefined && /^\d+$/.test(part) && Number(part) > 4_294_967_294) {
      problems.add(position, `${quote(part)} is larger than any user or group number`);
    }
  }
  return { user, group };
}
