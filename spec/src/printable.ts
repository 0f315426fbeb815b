// Cc: C0, DEL and C1 controls. Cf: bidirectional marks, zero-width characters, tags. Zl, Zp: separators that
// begin a line. Cs: halves of a character. A terminal acts on them or a reader doesn't see them.
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with every character that a terminal would act on, or a reader not see, written as its escape. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
  });
}
