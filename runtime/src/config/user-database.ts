/** One account of an image's /etc/passwd. */
export type Account = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
};

/** One group of an image's /etc/group. */
export type Group = { readonly name: string; readonly gid: number; readonly members: readonly string[] };

/** The largest id that fits every place where one is kept (signed 32 bits). */
export const largestId = 2 ** 31 - 1;

/**
 * Reads /etc/passwd (passwd(5)). Lines that are no accounts are passed over, as the C library does: comments,
 * NIS lines (`+…`, `-…`), missing or malformed ids. Only the fields up to the home folder are needed, and
 * the home may be missing.
 */
export function parsePasswd(bytes: Uint8Array): readonly Account[] {
  return lines(bytes).flatMap((line) => {
    const [name = '', , uidText, gidText, , home = ''] = line.split(':');
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    return isName(name) && uid !== undefined && gid !== undefined ? [{ name, uid, gid, home }] : [];
  });
}

/** Reads /etc/group (group(5)), like {@link parsePasswd}. */
export function parseGroup(bytes: Uint8Array): readonly Group[] {
  return lines(bytes).flatMap((line) => {
    const [name = '', , gidText, members = ''] = line.split(':');
    const gid = parseId(gidText);
    if (!isName(name) || gid === undefined) return [];
    return [{ name, gid, members: members.split(',').filter((member) => member !== '') }];
  });
}

/** A user or group id; undefined for anything but a decimal number from 0 to {@link largestId}. */
export function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= largestId ? id : undefined;
}

function lines(bytes: Uint8Array): readonly string[] {
  return new TextDecoder().decode(bytes).split(/\r?\n/);
}

function isName(text: string): boolean {
  return text !== '' && !/^[+\-#]/.test(text);
}
