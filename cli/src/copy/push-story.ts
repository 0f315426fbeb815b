import { countOf, formatDuration } from '../output/measure.ts';
import type { PushedImage } from './push-image.ts';

/** What a push did, for people. */
export function pushStory({ copiedBlobs, presentBlobs }: PushedImage, ms: number): string {
  return `${countOf(copiedBlobs, 'blob')} sent, ${presentBlobs} were there already, in ${formatDuration(ms)}`;
}
