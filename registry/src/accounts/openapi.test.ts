import { signedEvidence } from '@img/sign/testing/test-evidence';
import { testKey } from '@img/sign/testing/test-keys';
import type { JsonValue } from '@img/spec/json';
import test from 'ava';
import { logSchema } from '../log/log-openapi.ts';
import { apiPath, apiRoutes, matchApiRoutes } from './api-routes.ts';
import { openApiDocument } from './openapi.ts';
import { checkSchema } from './schema.ts';
import { startStage } from './testing/stage.ts';

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
  const own = Object.entries(paths).filter(([path]) => path.startsWith('/api/'));
  const operations = own.flatMap(([path, methods]) =>
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

type LogOperation = { readonly responses: { readonly 200: { readonly content: object } } };

test('openApiDocument() has the routes of logs, which are answered as it says', async (t) => {
  const { paths } = openApiDocument() as {
    paths: { readonly [path: string]: { readonly [method: string]: LogOperation } };
  };
  const stage = await startStage(t);
  const owner = stage.as('owner');
  const [bundle] = (await signedEvidence(testKey(1))).bundles;
  const headers = { 'content-type': 'application/json' };
  const requests: readonly (readonly [
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    body?: string | Uint8Array | undefined,
  ])[] = [
    ['PUT', '/log?name=com.example', '{"visibility":"public"}'],
    ['GET', '/log?name=com.example.app'],
    ['POST', '/log/com.example/entries', bundle],
    ['GET', '/log/com.example/checkpoint'],
    ['GET', '/log/com.example/tile/entries/000.p/1'],
  ];
  const documented = Object.entries(paths).filter(([path]) => path.startsWith('/log'));
  t.is(documented.flatMap(([, methods]) => Object.keys(methods)).length, requests.length);
  for (const [method, path, body] of requests) {
    const answer = await owner.send(method, path, body === undefined ? {} : { headers, body });
    t.is(answer.status, 200, `${method} ${path}: ${answer.text}`);
    const [, operations] = documented.find(([pattern]) => matches(pattern, path)) ?? [];
    const [type = ''] = answer.headers['content-type']?.split(';') ?? [];
    const content = operations?.[method.toLowerCase()]?.responses[200].content ?? {};
    t.deepEqual(Object.keys(content), [type], path);
    if (type === 'application/json')
      t.notThrows(() => checkSchema(logSchema, answer.json as JsonValue, 'log', { isOpen: false }));
  }
});

function matches(pattern: string, path: string): boolean {
  const parts = pattern.split(/\{\w+\}/).map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join('.+')}$`).test(path.split('?')[0] ?? '');
}

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
