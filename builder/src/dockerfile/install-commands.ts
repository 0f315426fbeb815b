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
    const at = rest.findIndex((word) => /^(?:-r|--requirement)(?:=|$)/.test(word));
    const list = at < 0 ? undefined : (rest[at]?.split('=')[1] ?? rest[at + 1]);
    return list === undefined ? undefined : { kind: 'python', list };
  }
  const isNode = name === 'npm' && /^(?:ci|install|i|clean-install)$/.test(rest[0] ?? '');
  const takesNames = rest.slice(1).some((word) => !word.startsWith('-'));
  return isNode && !takesNames ? { kind: 'node', list: 'package-lock.json' } : undefined;
}
