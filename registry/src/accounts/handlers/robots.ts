import { findOrganisation } from '../../metadata/accounts/organisations.ts';
import { deleteRobot, listRobots, putRobot } from '../../metadata/accounts/robots.ts';
import { robotLogIn } from '../account-names.ts';
import { type ApiHandler, change, organisationName, robotName, timeText, unknown } from '../api-exchange.ts';
import { usualRobotDays } from '../api-schemas.ts';
import { createRobotToken, hashRobotToken } from '../robot-token.ts';

const dayMs = 24 * 60 * 60 * 1000;

export const showRobots: ApiHandler<'listRobots'> = async ({ services, parameters }) => {
  const organisation = organisationName(parameters.organisation);
  const robots = await listRobots(services.database, organisation);
  if (robots.length === 0 && (await findOrganisation(services.database, organisation)) === undefined) {
    throw unknown('organisation', organisation);
  }
  return robots.map(({ name, role, created_by, created_at, expires_at }) => ({
    name,
    logIn: robotLogIn(organisation, name),
    role,
    createdBy: created_by,
    createdAt: timeText(created_at),
    expiresAt: timeText(expires_at),
    isExpired: expires_at <= services.clock(),
  }));
};

export const createRobot: ApiHandler<'createRobot'> = async (exchange) => {
  const { parameters, body, principal, services } = exchange;
  const organisation = organisationName(parameters.organisation);
  const name = robotName(body.name);
  const token = createRobotToken();
  const expiresAt = services.clock() + (body.days ?? usualRobotDays) * dayMs;
  const logIn = robotLogIn(organisation, name);
  const isPut = await change(exchange, { action: 'give a token to', subject: logIn }, (writer, now) =>
    putRobot(writer, organisation, {
      name,
      role: body.role,
      token_hash: hashRobotToken(token),
      created_by: principal.name,
      created_at: now,
      expires_at: expiresAt,
    }),
  );
  if (!isPut) throw unknown('organisation', organisation);
  return { logIn, token, expiresAt: timeText(expiresAt) };
};

export const removeRobot: ApiHandler<'deleteRobot'> = async (exchange) => {
  const organisation = organisationName(exchange.parameters.organisation);
  const name = robotName(exchange.parameters.robot);
  const logIn = robotLogIn(organisation, name);
  const isRemoved = await change(exchange, { action: 'remove robot', subject: logIn }, (writer) =>
    deleteRobot(writer, organisation, name),
  );
  if (!isRemoved) throw unknown('robot', logIn);
  return undefined;
};
