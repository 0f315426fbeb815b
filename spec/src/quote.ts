const longest = 120;

/**
 * The value as it may stand in a message: JSON-quoted, so that control characters can't reach a terminal, and
 * cut after 120 characters.
 */
export function quote(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(cut(value)) : (JSON.stringify(value) ?? String(value));
  return cut(escapeInvisible(text));
}

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

// JSON.stringify leaves DEL, the C1 controls and the bidirectional marks as they are; a terminal acts on them.
function escapeInvisible(text: string): string {
  return text.replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
