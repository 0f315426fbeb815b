import type { OrganisationName, Role, UserName } from '../../accounts/account-names.ts';
import { deleteRule } from '../admission/rules.ts';
import { placeholders, type Reader, type Writer } from '../database.ts';
import { deletePolicy } from '../retention-policies.ts';

/** The number that stands for an organisation in the other tables. */
export async function findOrganisation(reader: Reader, name: OrganisationName): Promise<number | undefined> {
  return (await reader.get<{ id: number }>('SELECT id FROM organisations WHERE name = $1', name))?.id;
}

/** The one of the organisations that is there and has the longest name. */
export async function findLongest(
  reader: Reader,
  names: readonly OrganisationName[],
): Promise<OrganisationName | undefined> {
  const row = await reader.get<{ name: OrganisationName }>(
    `SELECT name FROM organisations WHERE name IN (${placeholders(1, names.length)})
      ORDER BY length(name) DESC LIMIT 1`,
    ...names,
  );
  return row?.name;
}

/** False if there is one with the name. */
export async function insertOrganisation(
  writer: Writer,
  name: OrganisationName,
  now: number,
): Promise<boolean> {
  const inserted = await writer.run(
    'INSERT INTO organisations (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING',
    name,
    now,
  );
  return inserted > 0;
}

/**
 * Removes an organisation with its memberships, robots, policy and rule; what it owned stays, and so does its log, which
 * never ends. False if there is none.
 */
export async function deleteOrganisation(writer: Writer, name: OrganisationName): Promise<boolean> {
  await deletePolicy(writer, { kind: 'organisation', name });
  await deleteRule(writer, name);
  return (await writer.run('DELETE FROM organisations WHERE name = $1', name)) > 0;
}

/** All organisations by name. */
export async function listOrganisations(reader: Reader): Promise<readonly OrganisationName[]> {
  const rows = await reader.all<{ name: OrganisationName }>('SELECT name FROM organisations ORDER BY name');
  return rows.map(({ name }) => name);
}

export type Membership = { readonly organisation: OrganisationName; readonly role: Role };

/** The organisations that a user belongs to, by name. */
export async function listMemberships(reader: Reader, user: UserName): Promise<readonly Membership[]> {
  return reader.all<Membership>(
    `SELECT o.name AS organisation, m.role FROM users u
      JOIN members m ON m.user_id = u.id JOIN organisations o ON o.id = m.organisation_id
      WHERE u.name = $1 ORDER BY o.name`,
    user,
  );
}

/** What a user is in an organisation; undefined for no member. */
export async function findRole(
  reader: Reader,
  organisation: OrganisationName,
  user: UserName,
): Promise<Role | undefined> {
  const row = await reader.get<{ role: Role }>(
    `SELECT m.role FROM organisations o
      JOIN members m ON m.organisation_id = o.id JOIN users u ON u.id = m.user_id
      WHERE o.name = $1 AND u.name = $2`,
    organisation,
    user,
  );
  return row?.role;
}

export type Member = { readonly user: UserName; readonly role: Role };

/** The members of an organisation, by name. */
export async function listMembers(
  reader: Reader,
  organisation: OrganisationName,
): Promise<readonly Member[]> {
  return reader.all<Member>(
    `SELECT u.name AS "user", m.role FROM organisations o
      JOIN members m ON m.organisation_id = o.id JOIN users u ON u.id = m.user_id
      WHERE o.name = $1 ORDER BY u.name`,
    organisation,
  );
}

/** Makes a user a member, or changes the role; false if there is no such organisation or user. */
export async function putMember(
  writer: Writer,
  organisation: OrganisationName,
  { user, role }: Member,
  now: number,
): Promise<boolean> {
  const organisationId = await findOrganisation(writer, organisation);
  const found = await writer.get<{ id: number }>('SELECT id FROM users WHERE name = $1', user);
  if (organisationId === undefined || found === undefined) return false;
  await writer.run(
    `INSERT INTO members (organisation_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
      ON CONFLICT (organisation_id, user_id) DO UPDATE SET role = excluded.role`,
    organisationId,
    found.id,
    role,
    now,
  );
  return true;
}

/** False if the user was no member. */
export async function deleteMember(
  writer: Writer,
  organisation: OrganisationName,
  user: UserName,
): Promise<boolean> {
  const removed = await writer.run(
    `DELETE FROM members WHERE organisation_id = (SELECT id FROM organisations WHERE name = $1)
      AND user_id = (SELECT id FROM users WHERE name = $2)`,
    organisation,
    user,
  );
  return removed > 0;
}
