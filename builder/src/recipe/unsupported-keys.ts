/**
 * Keys and values that img.yaml will have and this version can't build yet. They are refused with a message
 * of their own, because an image without what its recipe asks for would be worse than none.
 */
export const unsupportedKeys: ReadonlyMap<string, string> = new Map([
  ['recipes', 'recipes of your own'],
  ['app.lock', 'a list of Python packages under another name than requirements.txt'],
  ['run.health', 'health checks'],
]);
