/** A name for an image, from that of a file or folder. */
export function imageNameOf(name: string): string {
  const safe = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return safe === '' ? 'app' : safe.slice(0, 100);
}
