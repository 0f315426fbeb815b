/** A word of a command line in a unit file, such that it means nothing but itself; systemd.service(5), "Command lines". */
export function quoteWord(word: string): string {
  const escaped = escapeSpecifiers(word)
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('$', '$$$$');
  const safe = [...escaped].map((character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, '0')}` : character;
  });
  const text = safe.join('');
  return /^[\w%+,./:=@^-]+$/.test(text) ? text : `"${text}"`;
}

/** A value in which `%` means nothing; systemd.unit(5), "Specifiers". */
export function escapeSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}

/** A text for people, in one line. */
export function plainValue(text: string): string {
  return escapeSpecifiers(text.replace(/[^\x20-\x7e]/g, '?')).trim();
}
