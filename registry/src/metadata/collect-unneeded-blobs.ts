import { dropUnlinkedBlob } from './blobs.ts';
import type { Writer } from './database.ts';
import { endReview, takeDueLinks, unlinkBlob } from './links.ts';

/**
 * Takes from the repositories what was pushed or left behind and no manifest needs, once its time for a review has
 * come. References and review times are read in the same transaction that removes, so nothing that a push was
 * promised can be lost.
 *
 * @returns how many blobs of repositories were looked at; fewer than the limit when none is left
 */
export async function collectUnneededBlobs(writer: Writer, now: number, limit: number): Promise<number> {
  const due = await takeDueLinks(writer, now, limit);
  for (const link of due) {
    if (link.needed === 1) {
      await endReview(writer, link.repository_id, link.id);
    } else {
      await unlinkBlob(writer, link.repository_id, link.id);
      await dropUnlinkedBlob(writer, link, now);
    }
  }
  return due.length;
}
