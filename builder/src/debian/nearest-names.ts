/** How many names a hint may have. */
const maxNames = 3;

/** The names that someone who typed the wrong one may have meant, best first; at most three. */
export function nearestNames(wrong: string, names: Iterable<string>): readonly string[] {
  // In a short name, two letters could be anything.
  const maxDistance = wrong.length < 4 ? 1 : Math.max(2, Math.floor(wrong.length / 4));
  const found: { name: string; distance: number }[] = [];
  for (const name of names) {
    const distance = name.includes(wrong) ? maxDistance + 1 : editDistance(wrong, name, maxDistance);
    if (distance !== undefined) found.push({ name, distance });
  }
  found.sort(
    (a, b) => a.distance - b.distance || a.name.length - b.name.length || (a.name < b.name ? -1 : 1),
  );
  return found.slice(0, maxNames).map(({ name }) => name);
}

/** Characters to add, remove, change or swap with their neighbour, or undefined if more than max. */
function editDistance(a: string, b: string, max: number): number | undefined {
  if (Math.abs(a.length - b.length) > max) return undefined;
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const changed = (last[j - 1] ?? 0) + (isSame ? 0 : 1);
      const swapped = isSwapped ? (beforeLast[j - 2] ?? 0) + 1 : changed;
      row.push(Math.min(changed, swapped, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    if (Math.min(...row) > max && Math.min(...last) > max) return undefined;
    beforeLast = last;
    last = row;
  }
  const distance = last[b.length] ?? 0;
  return distance > max ? undefined : distance;
}
