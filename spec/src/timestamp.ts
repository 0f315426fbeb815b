const pattern = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Whether the text is a date and time as Go and image-spec write it: RFC 3339, section 5.6, upper-case. */
export function isTimestamp(text: string): boolean {
  const date = pattern.exec(text)?.[1];
  if (date === undefined || Number.isNaN(Date.parse(text))) return false;
  // Date.parse reads 30 February as 1 March.
  return new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
}
