/**
 * A script for busybox that describes everything in folders of a root file system, which is the current folder:
 * kind, mode, owner, links and size, time, target and content. Times of folders are left out, because unpacking
 * changes them. It looks into no other file systems.
 *
 * @param folders without a leading slash
 */
export function describeScript(...folders: readonly string[]): string {
  const find = `find ${folders.join(' ')} -xdev`;
  return `{
  ${find} -type d -exec stat -c '%n %F %a %u:%g' {} +
  ${find} -type l -exec stat -c '%N %F %u:%g %Y' {} +
  ${find} ! -type d ! -type l -exec stat -c '%n %F %a %u:%g %h %s %Y' {} +
  ${find} -type f -exec sha256sum {} +
} | sort`;
}
