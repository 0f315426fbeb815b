/** Fetches a page and returns its text without the markup. */
export async function waitForPage(url: string): Promise<string> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  const html = await answer.text();
  const text = html
    .replace(/<(head|style)[\s\S]*?<\/\1>/g, '')
    .replace(/<\/dt>/g, ': ')
    .replace(/<[^>]*>/g, '');
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').join('\n');
}
