/**
 * The condition that a tag is of an image, and doesn't only attach signatures to a digest (`sha256-<hex>…`).
 *
 * @param column where the tag is
 */
export function isImageTag(column: string): string {
  return `NOT (${column} LIKE 'sha___-%' AND length(${column}) > 70)`;
}
