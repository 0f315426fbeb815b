/**
 * Compares two version numbers of Debian packages (Debian Policy 5.6.12): negative if a is older, 0 if they are
 * the same version, positive if a is newer. Any text is ordered, also what isn't a valid version.
 */
export function compareVersions(a: string, b: string): number {
  const left = splitVersion(a);
  const right = splitVersion(b);
  return (
    comparePart(left.epoch, right.epoch) ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision)
  );
}

type Version = { readonly epoch: string; readonly upstream: string; readonly revision: string };

function splitVersion(text: string): Version {
  const colon = text.indexOf(':');
  const dash = text.lastIndexOf('-');
  const end = dash > colon ? dash : text.length;
  // No epoch is epoch 0, and no revision is revision 0.
  return {
    epoch: colon < 0 ? '0' : text.slice(0, colon),
    upstream: text.slice(colon + 1, end),
    revision: end === text.length ? '0' : text.slice(end + 1),
  };
}

/** Text and numbers alternate: the text is compared by {@link rank}, the numbers by value. */
function comparePart(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const difference = rank(a, i) - rank(b, j);
      if (difference !== 0) return difference;
      i += 1;
      j += 1;
    }
    const leftEnd = numberEnd(a, i);
    const rightEnd = numberEnd(b, j);
    const difference = compareNumbers(a.slice(i, leftEnd), b.slice(j, rightEnd));
    if (difference !== 0) return difference;
    i = leftEnd;
    j = rightEnd;
  }
  return 0;
}

const zero = 0x30;
const nine = 0x39;
const tilde = 0x7e;

/** `~` is before everything, even the end; the end, where a number begins too, is before letters, those before the rest. */
function rank(text: string, index: number): number {
  if (index >= text.length || isDigit(text, index)) return 0;
  const code = text.charCodeAt(index);
  if (code === tilde) return -1;
  return /[A-Za-z]/.test(text.charAt(index)) ? code : code + 0x10000;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= zero && code <= nine;
}

function numberEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text, end)) end += 1;
  return end;
}

// By length first, so that numbers of any size compare exactly.
function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  if (left.length !== right.length) return left.length - right.length;
  return left === right ? 0 : left < right ? -1 : 1;
}
