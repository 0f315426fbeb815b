import {
  deleteMember,
  deleteOrganisation,
  findOrganisation,
  insertOrganisation,
  listMembers,
  listMemberships,
  listOrganisations,
  putMember,
} from '../../metadata/accounts/organisations.ts';
import type { Principal } from '../../server/auth/access-policy.ts';
import type { Services } from '../../server/services.ts';
import type { OrganisationName, Role, UserName } from '../account-names.ts';
import { type ApiHandler, change, conflict, organisationName, unknown, userName } from '../api-exchange.ts';

type Belonging = { readonly name: OrganisationName; readonly role: Role };

export const showAccount: ApiHandler<'account'> = async ({ services, principal }) => {
  const { name, isAdministrator, robot } = principal;
  const isRobot = robot !== undefined;
  return { name, isAdministrator, isRobot, organisations: await belongings(services, principal) };
};

export const showOrganisations: ApiHandler<'listOrganisations'> = async ({ services, principal }) => {
  if (!principal.isAdministrator) return belongings(services, principal);
  const names = await listOrganisations(services.database);
  return names.map((name) => ({ name, role: 'admin' }));
};

async function belongings(services: Services, { name, robot }: Principal): Promise<readonly Belonging[]> {
  if (robot !== undefined) return [{ name: robot.organisation, role: robot.role }];
  const memberships = await listMemberships(services.database, name as UserName);
  return memberships.map(({ organisation, role }) => ({ name: organisation, role }));
}

export const createOrganisation: ApiHandler<'createOrganisation'> = async (exchange) => {
  const name = organisationName(exchange.body.name);
  const isNew = await change(exchange, { action: 'create organisation', subject: name }, (writer, now) =>
    insertOrganisation(writer, name, now),
  );
  if (!isNew) throw conflict(`there is an organisation ${name} already`);
  return undefined;
};

export const removeOrganisation: ApiHandler<'deleteOrganisation'> = async (exchange) => {
  const name = organisationName(exchange.parameters.organisation);
  const isRemoved = await change(exchange, { action: 'remove organisation', subject: name }, (writer) =>
    deleteOrganisation(writer, name),
  );
  if (!isRemoved) throw unknown('organisation', name);
  return undefined;
};

export const showMembers: ApiHandler<'listMembers'> = async ({ services, parameters }) => {
  const name = organisationName(parameters.organisation);
  const members = await listMembers(services.database, name);
  if (members.length === 0 && (await findOrganisation(services.database, name)) === undefined) {
    throw unknown('organisation', name);
  }
  return members.map(({ user, role }) => ({ user, role }));
};

export const addMember: ApiHandler<'putMember'> = async (exchange) => {
  const organisation = organisationName(exchange.parameters.organisation);
  const user = userName(exchange.parameters.user);
  const { role } = exchange.body;
  const event = { action: `make member with role ${role}`, subject: `${user} in ${organisation}` };
  const isPut = await change(exchange, event, (writer, now) =>
    putMember(writer, organisation, { user, role }, now),
  );
  if (!isPut) throw unknown('user', `${user}, or no organisation ${organisation}`);
  return undefined;
};

export const removeMember: ApiHandler<'deleteMember'> = async (exchange) => {
  const organisation = organisationName(exchange.parameters.organisation);
  const user = userName(exchange.parameters.user);
  const event = { action: 'remove member', subject: `${user} from ${organisation}` };
  const isRemoved = await change(exchange, event, (writer) => deleteMember(writer, organisation, user));
  if (!isRemoved) throw unknown('member', `${user} in ${organisation}`);
  return undefined;
};
