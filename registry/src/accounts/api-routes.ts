import type { Role } from './account-names.ts';
import { apiSchemas } from './api-schemas.ts';
import { ruleBodyBytes, ruleSchemas } from './rule-schemas.ts';
import type { ObjectSchema, Schema, ValueOf } from './schema.ts';

/**
 * Who may use a route: everybody, whoever is logged in, administrators, or members of the organisation of the path,
 * or of the one that owns its repository, with this role or a higher one.
 */
export type ApiAccess =
  | 'everybody'
  | 'account'
  | 'administrator'
  | { readonly organisation: Role }
  | { readonly repository: Role };

export type ApiRoute = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Each `{parameter}` is one segment, percent-encoded. */
  readonly path: string;
  readonly summary: string;
  readonly access: ApiAccess;
  /** Parameters of the query, all optional, with what they are. */
  readonly query?: { readonly [name: string]: string };
  readonly body?: ObjectSchema;
  /** The most that a body may have; 64 KiB if absent. */
  readonly bodyBytes?: number;
  /** What is answered with 200; without it, the answer is 204 and empty. */
  readonly answer?: Schema;
};

/** The management API. The server, the client, the OpenAPI document and the access tests read this one table. */
export const apiRoutes = {
  document: {
    method: 'GET',
    path: '/api/v1/openapi.json',
    summary: 'this API as an OpenAPI 3.1 document',
    access: 'everybody',
    answer: { type: 'object', properties: {}, required: [] },
  },
  account: {
    method: 'GET',
    path: '/api/v1/account',
    summary: 'who is logged in',
    access: 'account',
    answer: apiSchemas.account,
  },
  changePassword: {
    method: 'PUT',
    path: '/api/v1/account/password',
    summary: 'give the user that is logged in another password',
    access: 'account',
    body: apiSchemas.passwordChange,
    answer: apiSchemas.passwordMade,
  },
  listUsers: {
    method: 'GET',
    path: '/api/v1/users',
    summary: 'list the users',
    access: 'administrator',
    answer: apiSchemas.users,
  },
  createUser: {
    method: 'POST',
    path: '/api/v1/users',
    summary: 'make a user',
    access: 'administrator',
    body: apiSchemas.userNew,
    answer: apiSchemas.passwordMade,
  },
  resetPassword: {
    method: 'PUT',
    path: '/api/v1/users/{user}/password',
    summary: 'give a user another password',
    access: 'administrator',
    body: apiSchemas.passwordNew,
    answer: apiSchemas.passwordMade,
  },
  deleteUser: {
    method: 'DELETE',
    path: '/api/v1/users/{user}',
    summary: 'remove a user; what it pushed stays',
    access: 'administrator',
  },
  listOrganisations: {
    method: 'GET',
    path: '/api/v1/organisations',
    summary: 'list the organisations that the caller belongs to; all of them for administrators',
    access: 'account',
    answer: apiSchemas.organisations,
  },
  createOrganisation: {
    method: 'POST',
    path: '/api/v1/organisations',
    summary: 'make an organisation, which owns the repositories whose names begin with its name',
    access: 'administrator',
    body: apiSchemas.organisationNew,
  },
  deleteOrganisation: {
    method: 'DELETE',
    path: '/api/v1/organisations/{organisation}',
    summary: 'remove an organisation; its repositories and its rule for tags stay',
    access: 'administrator',
  },
  listMembers: {
    method: 'GET',
    path: '/api/v1/organisations/{organisation}/members',
    summary: 'list the members of an organisation',
    access: { organisation: 'read' },
    answer: apiSchemas.members,
  },
  putMember: {
    method: 'PUT',
    path: '/api/v1/organisations/{organisation}/members/{user}',
    summary: 'make a user a member, or change the role',
    access: { organisation: 'admin' },
    body: apiSchemas.memberRole,
  },
  deleteMember: {
    method: 'DELETE',
    path: '/api/v1/organisations/{organisation}/members/{user}',
    summary: 'remove a member from an organisation',
    access: { organisation: 'admin' },
  },
  listRobots: {
    method: 'GET',
    path: '/api/v1/organisations/{organisation}/robots',
    summary: 'list the robots of an organisation',
    access: { organisation: 'admin' },
    answer: apiSchemas.robots,
  },
  createRobot: {
    method: 'POST',
    path: '/api/v1/organisations/{organisation}/robots',
    summary: 'make a robot, or give the one with the name another token',
    access: { organisation: 'admin' },
    body: apiSchemas.robotNew,
    answer: apiSchemas.robotMade,
  },
  deleteRobot: {
    method: 'DELETE',
    path: '/api/v1/organisations/{organisation}/robots/{robot}',
    summary: 'remove a robot',
    access: { organisation: 'admin' },
  },
  listRepositories: {
    method: 'GET',
    path: '/api/v1/repositories',
    summary: 'list the repositories that the caller may pull',
    access: 'account',
    query: {
      search: 'a part of the name',
      after: 'the name after which the page begins',
      n: 'how many at most',
    },
    answer: apiSchemas.repositories,
  },
  setVisibility: {
    method: 'PUT',
    path: '/api/v1/repositories/{repository}/visibility',
    summary: 'let everybody pull a repository, or only members',
    access: { repository: 'admin' },
    body: apiSchemas.repositoryVisibility,
  },
  listTags: {
    method: 'GET',
    path: '/api/v1/repositories/{repository}/tags',
    summary: 'list the tags of a repository, with when they were pushed and pulled',
    access: { repository: 'read' },
    query: { after: 'the tag after which the page begins', n: 'how many at most' },
    answer: apiSchemas.tags,
  },
  putTag: {
    method: 'PUT',
    path: '/api/v1/repositories/{repository}/tags/{tag}',
    summary: 'point a tag at an image that the repository has',
    access: { repository: 'write' },
    body: apiSchemas.tagMove,
  },
  deleteTag: {
    method: 'DELETE',
    path: '/api/v1/repositories/{repository}/tags/{tag}',
    summary: 'remove a tag; its image stays until a policy removes it',
    access: { repository: 'admin' },
  },
  listTagHistory: {
    method: 'GET',
    path: '/api/v1/repositories/{repository}/tags/{tag}/history',
    summary: 'list what a tag pointed at, the newest first',
    access: { repository: 'read' },
    query: { n: 'how many at most' },
    answer: apiSchemas.tagHistory,
  },
  findRetention: {
    method: 'GET',
    path: '/api/v1/repositories/{repository}/retention',
    summary: 'show what a repository keeps, by its own policy or the one of its organisation',
    access: { repository: 'read' },
    answer: apiSchemas.retention,
  },
  putRetention: {
    method: 'PUT',
    path: '/api/v1/repositories/{repository}/retention',
    summary: 'say what a repository keeps; carried out for the first time a day later',
    access: { repository: 'admin' },
    body: apiSchemas.retentionPolicy,
    answer: apiSchemas.retentionSet,
  },
  deleteRetention: {
    method: 'DELETE',
    path: '/api/v1/repositories/{repository}/retention',
    summary: 'remove the policy of a repository',
    access: { repository: 'admin' },
  },
  runRetention: {
    method: 'POST',
    path: '/api/v1/repositories/{repository}/retention/run',
    summary: 'carry out what a repository keeps now, or say what that would remove',
    access: { repository: 'admin' },
    body: apiSchemas.retentionRun,
    answer: apiSchemas.retentionReport,
  },
  findOrganisationRetention: {
    method: 'GET',
    path: '/api/v1/organisations/{organisation}/retention',
    summary: 'show what the repositories of an organisation keep',
    access: { organisation: 'read' },
    answer: apiSchemas.retention,
  },
  putOrganisationRetention: {
    method: 'PUT',
    path: '/api/v1/organisations/{organisation}/retention',
    summary: 'say what the repositories of an organisation keep; carried out for the first time a day later',
    access: { organisation: 'admin' },
    body: apiSchemas.retentionPolicy,
    answer: apiSchemas.retentionSet,
  },
  deleteOrganisationRetention: {
    method: 'DELETE',
    path: '/api/v1/organisations/{organisation}/retention',
    summary: 'remove the policy of an organisation',
    access: { organisation: 'admin' },
  },
  findRule: {
    method: 'GET',
    path: '/api/v1/repositories/{repository}/rule',
    summary: 'show who must have signed what the tags of a repository mean, by the closest rule',
    access: { repository: 'read' },
    answer: ruleSchemas.rule,
  },
  putRule: {
    method: 'PUT',
    path: '/api/v1/repositories/{repository}/rule',
    summary: 'say who must sign what the tags of a repository mean; asked when a tag is written',
    access: { repository: 'admin' },
    body: ruleSchemas.ruleNew,
    bodyBytes: ruleBodyBytes,
    answer: ruleSchemas.ruleSet,
  },
  deleteRule: {
    method: 'DELETE',
    path: '/api/v1/repositories/{repository}/rule',
    summary: 'remove the rule of a repository; one above it counts then',
    access: { repository: 'admin' },
  },
  findOrganisationRule: {
    method: 'GET',
    path: '/api/v1/organisations/{organisation}/rule',
    summary: 'show who must have signed what the tags of an organisation mean',
    access: { organisation: 'read' },
    answer: ruleSchemas.rule,
  },
  putOrganisationRule: {
    method: 'PUT',
    path: '/api/v1/organisations/{organisation}/rule',
    summary: 'say who must sign what the tags of an organisation mean; asked when a tag is written',
    access: { organisation: 'admin' },
    body: ruleSchemas.ruleNew,
    bodyBytes: ruleBodyBytes,
    answer: ruleSchemas.ruleSet,
  },
  deleteOrganisationRule: {
    method: 'DELETE',
    path: '/api/v1/organisations/{organisation}/rule',
    summary: 'remove the rule of an organisation',
    access: { organisation: 'admin' },
  },
  listSigners: {
    method: 'GET',
    path: '/api/v1/repositories/{repository}/signers/{reference}',
    summary: 'show who signed an image, by tag or digest, and which rule that meets',
    access: { repository: 'read' },
    answer: ruleSchemas.signers,
  },
  registryKey: {
    method: 'GET',
    path: '/api/v1/key',
    summary: 'show the key with which the registry signs what it admitted',
    access: 'everybody',
    answer: ruleSchemas.registryKey,
  },
} as const satisfies { readonly [id: string]: ApiRoute };

export type ApiRouteId = keyof typeof apiRoutes;

type RouteOf<Id extends ApiRouteId> = (typeof apiRoutes)[Id];

type ParametersIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParametersIn<Rest>
  : never;

export type ParametersOf<Id extends ApiRouteId> = {
  readonly [Name in ParametersIn<RouteOf<Id>['path']>]: string;
};
export type BodyOf<Id extends ApiRouteId> =
  RouteOf<Id> extends { readonly body: infer B } ? ValueOf<B> : undefined;
export type AnswerOf<Id extends ApiRouteId> =
  RouteOf<Id> extends { readonly answer: infer A } ? ValueOf<A> : undefined;

/** The table with its entries as what they have in common. */
export const anyApiRoutes: { readonly [id in ApiRouteId]: ApiRoute } = apiRoutes;

const apiRouteIds = Object.keys(apiRoutes) as ApiRouteId[];

const patterns = apiRouteIds.map((id) => {
  const { path } = apiRoutes[id];
  return {
    id,
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
  };
});

export type ApiMatch = {
  readonly id: ApiRouteId;
  /** Still percent-encoded. */
  readonly parameters: { readonly [name: string]: string };
};

/** Finds the routes of a path, one for each of its methods. */
export function matchApiRoutes(path: string): readonly ApiMatch[] {
  return patterns.flatMap(({ id, pattern }) => {
    const match = path.length > 2048 ? null : pattern.exec(path);
    return match === null ? [] : [{ id, parameters: { ...match.groups } }];
  });
}

/** The path of a request. */
export function apiPath<Id extends ApiRouteId>(id: Id, parameters: ParametersOf<Id>): string {
  const values: { readonly [name: string]: string } = parameters;
  return apiRoutes[id].path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(values[name] ?? ''),
  );
}
