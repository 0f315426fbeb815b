/**
 * A script for busybox that describes everything below a folder of a root file system, with paths relative to the
 * current folder: kind, mode, owner, links and size, time, and content. Times of folders are left out, because
 * unpacking changes them.
 *
 * @param folders without a leading slash
 */
export function describeScript(...folders: readonly string[]): string {
  return `find ${folders.join(' ')} | sort | while read -r path; do
  if [ -L "$path" ]; then stat -c '%n %F %u:%g %Y' "$path"; readlink "$path"
  elif [ -d "$path" ]; then stat -c '%n %F %a %u:%g' "$path"
  else stat -c '%n %F %a %u:%g %h %s %Y' "$path"; [ ! -f "$path" ] || sha256sum "$path"
  fi
done`;
}
