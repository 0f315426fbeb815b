import test from 'ava';
import { apiPath, apiRoutes, matchApiRoutes } from './api-routes.ts';
import { openApiDocument } from './openapi.ts';

type Operation = {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
};

test('openApiDocument() has each route of the table once, with its parameters', (t) => {
  const { openapi, paths } = openApiDocument() as {
    openapi: string;
    paths: { readonly [path: string]: { readonly [method: string]: Operation } };
  };
  t.regex(openapi, /^3\.1\./);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  t.is(operations.length, Object.keys(apiRoutes).length);
  for (const { path, method, operation } of operations) {
    const route = apiRoutes[operation.operationId as keyof typeof apiRoutes];
    t.deepEqual([route.path, route.method.toLowerCase()], [path, method] as string[]);
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    t.deepEqual(
      inPath.map(({ name }) => `{${name}}`),
      [...(path.match(/\{\w+\}/g) ?? [])],
    );
  }
});

test('apiPath() and matchApiRoutes() are each other’s opposite, also for names with slashes', (t) => {
  const parameters = { organisation: 'acme/members/x', user: 'a.b' };
  const path = apiPath('putMember', parameters);
  t.is(path, '/api/v1/organisations/acme%2Fmembers%2Fx/members/a.b');
  t.deepEqual(
    matchApiRoutes(path).map(({ id }) => id),
    ['putMember', 'deleteMember'],
  );
  t.deepEqual(matchApiRoutes(path)[0]?.parameters, { organisation: 'acme%2Fmembers%2Fx', user: 'a.b' });
  for (const other of [
    '/api/v1/',
    '/api/v1/users/',
    '/api/v1/openapiXjson',
    '/api/v2/users',
    `/api/v1/users/${'x'.repeat(3000)}`,
  ]) {
    t.deepEqual(matchApiRoutes(other), [], other);
  }
});
