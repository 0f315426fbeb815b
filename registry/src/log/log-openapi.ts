import type { Schema } from '../accounts/schema.ts';

/*
 * The routes of transparency logs for the OpenAPI document. Their paths hold names with slashes, and most of their
 * contents are not JSON, so they are no routes of the management API: `dispatchLog` answers them.
 */

const text = { 'text/plain': { schema: { type: 'string' } } };
const bytes = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };

const witnesses = {
  type: 'array',
  items: {
    type: 'object',
    properties: { key: { type: 'string' }, url: { type: 'string' } },
    required: ['key', 'url'],
  },
} as const satisfies Schema;

const visibility = { type: 'string', enum: ['private', 'public'] } as const satisfies Schema;

/** What `GET /log` answers. */
export const logSchema = {
  type: 'object',
  properties: {
    namespace: { type: 'string' },
    key: { type: 'string' },
    size: { type: 'integer' },
    visibility,
    witnesses,
  },
  required: ['namespace', 'key', 'size', 'visibility', 'witnesses'],
} as const satisfies Schema;

const settingsSchema = {
  type: 'object',
  properties: { visibility, witnesses },
  required: [],
} as const satisfies Schema;

const name = {
  name: 'name',
  in: 'query',
  required: true,
  description: 'an organisation, or a repository of one',
  schema: { type: 'string' },
};

const namespace = {
  name: 'namespace',
  in: 'path',
  required: true,
  description: 'the organisation; its name may have slashes, which stand as they are',
  schema: { type: 'string' },
};

const tile = {
  name: 'tile',
  in: 'path',
  required: true,
  description: 'level and number, or entries/ and number, as https://c2sp.org/tlog-tiles says',
  schema: { type: 'string' },
};

/** Whoever may read the log; everybody where it is public. */
const open = [{}, { password: [] }, { token: [] }];

const refused = {
  '4XX': {
    description: 'refused',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/errors' } } },
  },
};

function done(content: object): object {
  return { 200: { description: 'done', content }, ...refused };
}

/** The paths of the document, by path and method. */
export const logPaths: { readonly [path: string]: { readonly [method: string]: object } } = {
  '/log': {
    get: {
      operationId: 'getLog',
      summary: 'The transparency log for what is signed for a name',
      parameters: [name],
      security: open,
      responses: done({ 'application/json': { schema: logSchema } }),
    },
    put: {
      operationId: 'putLog',
      summary: 'Make a log for an organisation, or say who may read it and who witnesses it',
      parameters: [name],
      requestBody: { required: true, content: { 'application/json': { schema: settingsSchema } } },
      responses: done({ 'application/json': { schema: logSchema } }),
    },
  },
  '/log/{namespace}/checkpoint': {
    get: {
      operationId: 'getCheckpoint',
      summary: 'What the log has, as a signed note',
      parameters: [namespace],
      security: open,
      responses: done(text),
    },
  },
  '/log/{namespace}/tile/{tile}': {
    get: {
      operationId: 'getTile',
      summary: 'Hashes or entries of the log, which never change',
      parameters: [namespace, tile],
      security: open,
      responses: done(bytes),
    },
  },
  '/log/{namespace}/entries': {
    post: {
      operationId: 'addEntry',
      summary: 'Add a signature of an image, a sigstore bundle, by whoever may push to its repository',
      description:
        'The answer is the proof that the log has it: https://c2sp.org/tlog-proof. Nothing is added twice.',
      parameters: [namespace],
      requestBody: {
        required: true,
        content: { 'application/vnd.dev.sigstore.bundle.v0.3+json': { schema: { type: 'object' } } },
      },
      responses: done(text),
    },
  },
};
