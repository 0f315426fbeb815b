import type { OrganisationName, Role } from '../../accounts/account-names.ts';
import type { Reader, Writer } from '../database.ts';
import { findOrganisation } from './organisations.ts';

/** Robots push and pull; they never say who else may. */
export type RobotRole = Exclude<Role, 'admin'>;

/** A program that logs in with a token, which ends. Times are milliseconds since 1970. */
export type Robot = {
  readonly name: string;
  readonly role: RobotRole;
  readonly created_by: string;
  readonly created_at: number;
  readonly expires_at: number;
};

export type StoredRobot = Robot & { readonly token_hash: string };

const columns = 'r.name, r.role, r.created_by, r.created_at, r.expires_at';

export async function findRobot(
  reader: Reader,
  organisation: OrganisationName,
  name: string,
): Promise<StoredRobot | undefined> {
  return reader.get<StoredRobot>(
    `SELECT ${columns}, r.token_hash FROM organisations o JOIN robots r ON r.organisation_id = o.id
      WHERE o.name = $1 AND r.name = $2`,
    organisation,
    name,
  );
}

/** The robots of an organisation by name, also the ones whose time is over. */
export async function listRobots(reader: Reader, organisation: OrganisationName): Promise<readonly Robot[]> {
  return reader.all<Robot>(
    `SELECT ${columns} FROM organisations o JOIN robots r ON r.organisation_id = o.id
      WHERE o.name = $1 ORDER BY r.name`,
    organisation,
  );
}

/** Makes a robot, or gives the one with the name another token; false if there is no such organisation. */
export async function putRobot(
  writer: Writer,
  organisation: OrganisationName,
  robot: StoredRobot,
): Promise<boolean> {
  const organisationId = await findOrganisation(writer, organisation);
  if (organisationId === undefined) return false;
  await writer.run(
    `INSERT INTO robots (organisation_id, name, role, token_hash, created_by, created_at, expires_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT (organisation_id, name) DO UPDATE SET role = excluded.role, token_hash = excluded.token_hash,
        created_by = excluded.created_by, created_at = excluded.created_at, expires_at = excluded.expires_at`,
    organisationId,
    robot.name,
    robot.role,
    robot.token_hash,
    robot.created_by,
    robot.created_at,
    robot.expires_at,
  );
  return true;
}

/** False if there is none. */
export async function deleteRobot(
  writer: Writer,
  organisation: OrganisationName,
  name: string,
): Promise<boolean> {
  const removed = await writer.run(
    'DELETE FROM robots WHERE organisation_id = (SELECT id FROM organisations WHERE name = $1) AND name = $2',
    organisation,
    name,
  );
  return removed > 0;
}
