/** What a file system says where the medium or a checksum of its own failed: one object has this, others may be fine. */
const codes: ReadonlySet<unknown> = new Set(['EIO', 'EBADMSG', 'EUCLEAN']);

/** Whether a disk can't give back the bytes of one object. */
export function isUnreadable(error: unknown): boolean {
  return codes.has((error as NodeJS.ErrnoException | undefined)?.code);
}
