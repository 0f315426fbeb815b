/** Third-party packages from this size on have a layer of their own, the largest ones, and so many at most. */
const largeBytes = 4 * 1024 * 1024;
const maxLargeLayers = 16;

/**
 * Which third-party packages of an app have a layer of their own, and which share one.
 *
 * @param nameOf what the layers are ordered by, so that the same packages give the same image
 */
export function splitLarge<Package extends { readonly sizeBytes: number }>(
  packages: readonly Package[],
  nameOf: (each: Package) => string,
): { readonly large: readonly Package[]; readonly small: readonly Package[] } {
  const large = packages
    .filter(({ sizeBytes }) => sizeBytes >= largeBytes)
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, maxLargeLayers)
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return { large, small: packages.filter((each) => !large.includes(each)) };
}
