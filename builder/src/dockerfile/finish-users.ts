import type { ImageDraft } from './image-draft.ts';

// Of Debian's base-passwd, those that services run as.
const usualUsers = new Set([
  'root',
  'daemon',
  'bin',
  'sys',
  'mail',
  'news',
  'proxy',
  'www-data',
  'backup',
  'nobody',
]);

/** Says users by what img knows of them: numbers that a Dockerfile chose, or the one name that is made. */
export function finishUsers(draft: ImageDraft): void {
  const [name] = draft.user?.split(':') ?? [];
  draft.user = /^(?:root|0)(?::(?:root|0))?$/.test(draft.user ?? 'root')
    ? undefined
    : known(draft.user ?? '', name, draft);
  for (const file of draft.files) {
    if (file.owner === undefined) continue;
    const owner = known(file.owner, name, draft);
    if (owner === undefined) {
      draft.note(
        file.line,
        `the owner ${file.owner} of ${file.to}`,
        'changed',
        'only the user that runs the app is made, so the files belong to root',
        'name a number as the owner in files, if it matters',
      );
    }
    file.owner = owner === '0' || owner === 'root' ? undefined : owner;
  }
  for (const user of draft.users.keys()) {
    if (user !== name && !draft.files.some(({ owner }) => owner === user)) {
      const line = draft.userLines.get(user) ?? 1;
      draft.note(
        line,
        `the user ${user}`,
        'changed',
        'only the user that runs the app is made, and nothing runs as this one',
      );
    }
  }
}

/** An owner as an img.yaml can say it; undefined for users that would not be there. */
function known(text: string, running: string | undefined, { users, groups }: ImageDraft): string | undefined {
  const [user = '', group] = text.split(':');
  const uid = users.get(user);
  if (uid !== undefined) return `${uid}:${(group && groups.get(group)) ?? groups.get(user) ?? uid}`;
  if (!/^\d+$/.test(user) && user !== running && !usualUsers.has(user)) return undefined;
  // The group of a user that is made has its name; another one that the Dockerfile makes isn't there.
  const isMade =
    group !== undefined && !/^\d+$/.test(group) && (group === user || groups.has(group) || users.has(group));
  if (isMade && /^\d+$/.test(user)) return user;
  return group === undefined || isMade ? user : text;
}
