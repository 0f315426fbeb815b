// What JSON.stringify leaves as it is although a terminal acts on it or a reader doesn't see it.
const unprintable = /[\u007f-\u009f]|[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The value as indented JSON that may go to a terminal: everything unprintable is written as its escape. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(unprintable, (character) => {
    return [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join('');
  });
}
