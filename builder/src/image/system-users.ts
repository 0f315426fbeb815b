import { Buffer } from 'node:buffer';
import { digestHex, digestOf } from '@img/spec/digest';

/** The texts of /etc/passwd and /etc/group. */
export type UserFiles = { readonly passwd: string; readonly group: string };

/** A line of sysusers.d(5). */
type Wish = {
  readonly kind: string;
  readonly name: string;
  /** A number, `-` for any, each perhaps with a group behind a colon; the name of a group for `m`. */
  readonly id: string;
  /** What it is for, its home and its shell, as far as the line says so. */
  readonly rest: readonly string[];
};

/** The lines of passwd(5) and group(5), each as its fields. */
type Tables = { readonly users: string[][]; readonly groups: string[][] };

// Debian policy, section 9.2.2: for services that don't say which number they need.
const firstNumber = 100;
const numbers = 900;

/** Where packages say which users they need. */
export const systemUserFiles = /^usr\/lib\/sysusers\.d\/[^/]+\.conf$/;

/**
 * Adds the users and groups that packages ask for by sysusers.d(5), which systemd-sysusers makes when they are
 * installed; what is there stays as it is. Where a package leaves a number open, it follows from the name, so that a
 * service has the same one in every image, whatever else is in it; only where two of them meet, the name that is later
 * in the alphabet gets the next one.
 *
 * @param files in the order in which they count
 */
export function withSystemUsers({ passwd, group }: UserFiles, files: readonly string[]): UserFiles {
  const wishes = files.flatMap((text) => text.split('\n')).flatMap((line) => parseWish(line) ?? []);
  if (wishes.length === 0) return { passwd, group };
  const tables: Tables = { users: fieldsOf(passwd), groups: fieldsOf(group) };
  // A number that a line names must not be given to another name before.
  const hasNumber = ({ id }: Wish) => isNumber(id.split(':')[0] ?? '');
  wishes.sort((a, b) => Number(hasNumber(b)) - Number(hasNumber(a)) || compare(a.name, b.name));
  for (const { kind, name, id } of wishes) if (kind === 'g') groupNumber(tables, name, id);
  for (const wish of wishes) if (wish.kind === 'u') addUser(tables, wish);
  for (const { kind, name, id } of wishes) if (kind === 'm') addMember(tables, name, id);
  return { passwd: textOf(tables.users), group: textOf(tables.groups) };
}

/** A line as it is meant; undefined for a comment, a range of numbers, and what is none. */
function parseWish(line: string): Wish | undefined {
  const [type = '', name = '', id = '-', ...rest] = [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '',
  );
  const kind = type.replace(/!$/, '');
  if (!['u', 'g', 'm'].includes(kind) || !isName(name)) return undefined;
  if (kind === 'm' && !isName(id)) return undefined;
  return { kind, name, id, rest: rest.map((field) => (isField(field) && field !== '-' ? field : '')) };
}

// Names as systemd takes them; nothing that could be taken for another field or line.
function isName(text: string): boolean {
  return /^[a-z_][a-z0-9_-]{0,30}$/i.test(text);
}

// Each number in one way: 00 would be nobody's, and root's all the same.
function isNumber(text: string): boolean {
  return /^(?:0|[1-9]\d{0,8})$/.test(text);
}

/** By code units, as in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function isField(text: string): boolean {
  return !/[:\p{Cc}]/u.test(text);
}

/** The number of a group, which is made if it is not there. */
function groupNumber({ groups }: Tables, name: string, wanted: string): string {
  const found = groups.find((fields) => fields[0] === name);
  if (found !== undefined) return found[2] ?? '';
  const number = freeNumber(name, wanted, new Set(groups.map((fields) => fields[2])));
  groups.push([name, '*', number, '']);
  return number;
}

function addUser(tables: Tables, { name, id, rest }: Wish): void {
  if (tables.users.some((fields) => fields[0] === name)) return;
  const [wanted = '', group = ''] = id.split(':');
  const isOther = isName(group) || isNumber(group);
  const gid = isNumber(group) ? group : groupNumber(tables, isOther ? group : name, isOther ? '-' : wanted);
  const taken = new Set(tables.users.map((fields) => fields[2]));
  // Those who have a group of their own have its number, too.
  const uid = freeNumber(name, isOther || isNumber(wanted) ? wanted : gid, taken);
  const [gecos = '', home = '', shell = ''] = rest;
  tables.users.push([name, '*', uid, gid, gecos, home || '/', shell || '/usr/sbin/nologin']);
}

function addMember(tables: Tables, name: string, group: string): void {
  addUser(tables, { kind: 'u', name, id: '-', rest: [] });
  groupNumber(tables, group, '-');
  const fields = tables.groups.find((each) => each[0] === group);
  if (fields === undefined) return;
  const members = (fields[3] ?? '').split(',').filter((member) => member !== '');
  if (!members.includes(name)) fields[3] = [...members, name].join(',');
}

/** The number wanted if nobody has it, else the one that follows from the name, or the next that is free. */
function freeNumber(name: string, wanted: string, taken: ReadonlySet<string | undefined>): string {
  if (isNumber(wanted) && !taken.has(wanted)) return wanted;
  const start = Number.parseInt(digestHex(digestOf(Buffer.from(name))).slice(0, 8), 16);
  const places = Array.from({ length: numbers }, (_, step) => firstNumber + ((start + step) % numbers));
  // An image with 900 services has other problems than two with one number.
  return String(places.find((number) => !taken.has(String(number))) ?? firstNumber);
}

function fieldsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(':'));
}

function textOf(lines: readonly (readonly string[])[]): string {
  return lines.map((fields) => `${fields.join(':')}\n`).join('');
}
