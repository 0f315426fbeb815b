import { randomBytes } from 'node:crypto';
import { ProtocolError } from '@img/spec/protocol-error';
import { deleteSessionsOf } from '../../metadata/accounts/sessions.ts';
import { countAdministrators, deleteUser, findUser, listUsers, putUser } from '../../metadata/users.ts';
import { hashPassword } from '../../server/auth/password-hash.ts';
import type { UserName } from '../account-names.ts';
import {
  type ApiExchange,
  type ApiHandler,
  change,
  conflict,
  timeText,
  unknown,
  userName,
} from '../api-exchange.ts';
import type { AnswerOf, ApiRouteId } from '../api-routes.ts';

export const showUsers: ApiHandler<'listUsers'> = async ({ services }) => {
  const users = await listUsers(services.database);
  return users.map(({ name, is_administrator, created_at }) => {
    return { name, isAdministrator: is_administrator === 1, createdAt: timeText(created_at) };
  });
};

export const createUser: ApiHandler<'createUser'> = async (exchange) => {
  const { isAdministrator = false, ...body } = exchange.body;
  const name = userName(body.name);
  const { password, newPassword } = passwordFor(body.password);
  const user = {
    name,
    password_hash: await hashPassword(password),
    is_administrator: isAdministrator ? 1 : 0,
  };
  const action = isAdministrator ? 'create administrator' : 'create user';
  await change(exchange, { action, subject: name }, async (writer, now) => {
    if ((await findUser(writer, name)) !== undefined) throw conflict(`there is a user ${name} already`);
    await putUser(writer, user, now);
    return true;
  });
  return { name, ...newPassword };
};

export const removeUser: ApiHandler<'deleteUser'> = async (exchange) => {
  const name = userName(exchange.parameters.user);
  const isRemoved = await change(exchange, { action: 'remove user', subject: name }, async (writer) => {
    const user = await findUser(writer, name);
    if (user?.is_administrator === 1 && (await countAdministrators(writer)) === 1) {
      throw conflict(`${name} is the last administrator`);
    }
    return deleteUser(writer, name);
  });
  if (!isRemoved) throw unknown('user', name);
  return undefined;
};

export const resetPassword: ApiHandler<'resetPassword'> = async (exchange) => {
  return setPassword(exchange, userName(exchange.parameters.user), exchange.body.password);
};

export const changePassword: ApiHandler<'changePassword'> = async (exchange) => {
  const { principal, body, services, address } = exchange;
  if (principal.robot !== undefined) throw new ProtocolError('DENIED', 'a robot has no password to change');
  const credentials = { name: principal.name, password: body.currentPassword };
  // A token alone must not be enough to lock its user out.
  if ((await services.logIn.byPassword(credentials, address)) === undefined) {
    throw new ProtocolError('DENIED', 'the current password is another one');
  }
  return setPassword(exchange, userName(principal.name), body.password);
};

async function setPassword(
  exchange: Pick<ApiExchange<ApiRouteId>, 'services' | 'principal'>,
  name: UserName,
  wanted: string | undefined,
): Promise<AnswerOf<'resetPassword'>> {
  const { password, newPassword } = passwordFor(wanted);
  const password_hash = await hashPassword(password);
  const isSet = await change(exchange, { action: 'set password', subject: name }, async (writer, now) => {
    const user = await findUser(writer, name);
    if (user === undefined) return false;
    await putUser(writer, { ...user, password_hash }, now);
    // Whoever knew the old one is out, in browsers too.
    await deleteSessionsOf(writer, name);
    return true;
  });
  if (!isSet) throw unknown('user', name);
  return { name, ...newPassword };
}

function passwordFor(wanted: string | undefined): {
  readonly password: string;
  readonly newPassword: { readonly newPassword?: string };
} {
  if (wanted !== undefined) return { password: wanted, newPassword: {} };
  const password = randomBytes(18).toString('base64url');
  return { password, newPassword: { newPassword: password } };
}
