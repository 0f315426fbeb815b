import { logPaths } from '../log/log-openapi.ts';
import { type ApiRoute, anyApiRoutes } from './api-routes.ts';
import type { Schema } from './schema.ts';

/** The management API, made of its route table, and the routes of logs as an OpenAPI 3.1 document. */
export function openApiDocument(): object {
  const paths: { [path: string]: { [method: string]: object } } = {};
  for (const [id, route] of Object.entries(anyApiRoutes)) {
    paths[route.path] ??= {};
    Object.assign(paths[route.path] as object, { [route.method.toLowerCase()]: operation(id, route) });
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'img registry: accounts, repositories and transparency logs',
      version: '1',
      description: 'Images themselves are pushed and pulled by the OCI distribution protocol under /v2/.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ password: [] }, { token: [] }],
    paths: { ...paths, ...logPaths },
    components: {
      securitySchemes: {
        password: { type: 'http', scheme: 'basic' },
        token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'from /token, with the scope registry:accounts:*',
        },
      },
      schemas: { errors: errorSchema },
    },
  };
}

function operation(operationId: string, { path, summary, access, query, body, answer }: ApiRoute): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => {
    return { name, in: 'path', required: true, schema: { type: 'string' } };
  });
  const inQuery = Object.entries(query ?? {}).map(([name, description]) => {
    return { name, in: 'query', description, schema: { type: 'string' } };
  });
  const parameters = [...inPath, ...inQuery];
  return {
    operationId,
    summary,
    ...(access === 'everybody' ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body) } }),
    responses: {
      ...(answer === undefined
        ? { 204: { description: 'done' } }
        : { 200: { description: 'done', content: json(answer) } }),
      '4XX': {
        description: 'refused',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/errors' } } },
      },
    },
  };
}

function json(schema: Schema): object {
  return { 'application/json': { schema } };
}

const errorSchema = {
  type: 'object',
  properties: {
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { code: { type: 'string' }, message: { type: 'string' } },
        required: ['code', 'message'],
      },
    },
  },
  required: ['errors'],
} as const satisfies Schema;
