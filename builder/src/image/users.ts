import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { OwnerChoice } from '../recipe/image-recipe.ts';
import { type UserFiles, withSystemUsers } from './system-users.ts';

/** Numbers of a user and a group. */
export type Owner = { readonly uid: number; readonly gid: number };

type User = { readonly name: string; readonly uid: number; readonly gid: number };
type Group = { readonly name: string; readonly gid: number };

/**
 * Number of the user that is made for the app, and of its group: above the numbers that distributions give to
 * services and people, below those of `nobody`, and known from other small images.
 */
const appId = 65_532;

/** The users and groups of an image: those of its packages, those that these ask for, and one for the app. */
export class Users {
  readonly #passwd: string;
  readonly #group: string;
  readonly #changedFiles: ReadonlyMap<string, string>;
  readonly #users: ReadonlyMap<string, User>;
  readonly #groups: ReadonlyMap<string, Group>;
  /** The user that the recipe asks for and no package has. */
  readonly created: string | undefined;

  /**
   * @param files texts of /etc/passwd, empty if no package has one, and of /etc/group
   * @param wanted who runs the app; is created if a name that is not there yet
   * @param systemUsers texts of sysusers.d, see `withSystemUsers`
   */
  constructor(files: UserFiles, wanted: OwnerChoice | undefined, systemUsers: readonly string[] = []) {
    const { passwd, group } =
      systemUsers.length === 0 ? files : withSystemUsers(withRoot(files), systemUsers);
    const name = wanted === undefined || isNumber(wanted.user) ? undefined : wanted.user;
    this.created = name === undefined || parseUsers(passwd).has(name) ? undefined : name;
    const gid = parseGroups(group).get(this.created ?? '')?.gid;
    this.#passwd =
      this.created === undefined
        ? passwd
        : withLine(passwd || root.passwd, userLine(this.created, gid ?? appId));
    this.#group =
      this.created === undefined || gid !== undefined
        ? group
        : withLine(group || root.group, groupLine(this.created));
    const isChanged = this.#passwd !== files.passwd || this.#group !== files.group;
    this.#changedFiles = new Map(
      isChanged
        ? [
            ['etc/passwd', this.#passwd],
            ['etc/group', this.#group],
          ]
        : [],
    );
    this.#users = parseUsers(this.#passwd);
    this.#groups = parseGroups(this.#group);
  }

  /** The files that have to be written because users were added; empty if none were. */
  get changedFiles(): ReadonlyMap<string, string> {
    return this.#changedFiles;
  }

  /**
   * The numbers of a choice. A name stands for what the image's own files say; a user's number alone takes the
   * group that these files give it, or the group of the same number.
   *
   * @throws BuilderError OWNER_UNKNOWN
   */
  resolve({ user, group }: OwnerChoice): Owner {
    const found = isNumber(user) ? undefined : this.#users.get(user);
    if (!isNumber(user) && found === undefined) throw this.#unknown('user', user, [...this.#users.keys()]);
    const uid = found?.uid ?? Number(user);
    if (group === undefined) {
      const known = found ?? [...this.#users.values()].find((each) => each.uid === uid);
      return { uid, gid: known?.gid ?? uid };
    }
    const gid = isNumber(group) ? Number(group) : this.#groups.get(group)?.gid;
    if (gid === undefined) throw this.#unknown('group', group, [...this.#groups.keys()]);
    return { uid, gid };
  }

  #unknown(kind: 'user' | 'group', name: string, known: readonly string[]): BuilderError {
    const list = known.length === 0 ? 'It has none' : `It has ${known.join(', ')}`;
    return new BuilderError('OWNER_UNKNOWN', `the image has no ${kind} ${quote(name)}`, {
      hint: `${list}; a number works always, and the user that run.user names is created`,
    });
  }
}

/** What an image without packages needs for names to mean anything. */
const root = { passwd: 'root:*:0:0:root:/root:/usr/sbin/nologin\n', group: 'root:*:0:\n' };

function withRoot({ passwd, group }: UserFiles): UserFiles {
  return { passwd: passwd || root.passwd, group: group || root.group };
}

function userLine(name: string, gid: number): string {
  return `${name}:*:${appId}:${gid}:${name}:/home/${name}:/usr/sbin/nologin`;
}

function groupLine(name: string): string {
  return `${name}:*:${appId}:`;
}

function withLine(text: string, line: string): string {
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`;
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

// passwd(5) and group(5): fields between colons. Lines of another form say nothing.
function parseUsers(text: string): ReadonlyMap<string, User> {
  return new Map(
    text.split('\n').flatMap((line): [string, User][] => {
      const [name = '', , uid = '', gid = ''] = line.split(':');
      return isNumber(uid) && isNumber(gid) ? [[name, { name, uid: Number(uid), gid: Number(gid) }]] : [];
    }),
  );
}

function parseGroups(text: string): ReadonlyMap<string, Group> {
  return new Map(
    text.split('\n').flatMap((line): [string, Group][] => {
      const [name = '', , gid = ''] = line.split(':');
      return isNumber(gid) ? [[name, { name, gid: Number(gid) }]] : [];
    }),
  );
}
