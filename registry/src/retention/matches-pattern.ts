/**
 * Whether a tag fits a pattern, in which `*` stands for any characters and `?` for one. The time is the product of
 * both lengths at most, whatever the pattern.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  let [at, next] = [0, 0];
  let star = -1;
  let resumeAt = 0;
  while (at < text.length) {
    if (pattern[next] === '*') {
      star = next;
      resumeAt = at;
      next += 1;
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === text[at])) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      // The last star takes one character more; those before it never have to (they took as few as they could).
      resumeAt += 1;
      at = resumeAt;
      next = star + 1;
    } else {
      return false;
    }
  }
  return [...pattern.slice(next)].every((character) => character === '*');
}
