/** Options of pip that are followed by a value. */
const pipValue =
  /^(?:-[rcitfw]|--(?:requirement|constraint|index-url|extra-index-url|target|prefix|root|find-links|wheel-dir|trusted-host|cache-dir|python|timeout|retries))$/;

/** Third-party packages that a command installs by a list of them; undefined for any other command. */
export function installOf(
  words: readonly string[],
): { readonly kind: 'python' | 'node'; readonly list: string } | undefined {
  const [program = '', ...rest] = words;
  const name = program.slice(program.lastIndexOf('/') + 1);
  const isPip =
    /^pip3?(?:\.\d+)?$/.test(name) ||
    (/^python3?/.test(name) && rest[0] === '-m' && rest[1] === 'pip') ||
    (name === 'uv' && rest[0] === 'pip');
  if (isPip && (rest.includes('install') || rest.includes('wheel'))) {
    const plain = rest.filter(
      (word, index) => !word.startsWith('-') && !pipValue.test(rest[index - 1] ?? ''),
    );
    const lists = rest.flatMap((word, index) => {
      if (/^(?:-r|--requirement)$/.test(word)) return rest[index + 1] ?? [];
      return word.startsWith('--requirement=') ? word.slice('--requirement='.length) : [];
    });
    const [list] = lists;
    // Packages beside the list are in no list.
    const isAll = plain.every((word) => /^(?:pip|install|wheel)$/.test(word));
    return list === undefined || lists.length > 1 || !isAll ? undefined : { kind: 'python', list };
  }
  const isNode = name === 'npm' && /^(?:ci|install|i|clean-install)$/.test(rest[0] ?? '');
  const takesNames = rest.slice(1).some((word) => !word.startsWith('-'));
  return isNode && !takesNames ? { kind: 'node', list: 'package-lock.json' } : undefined;
}
