import { policySchema } from '../retention/retention-policy.ts';
import { fewestPasswordCharacters, roles } from './account-names.ts';
import type { Schema } from './schema.ts';

const name = { type: 'string', maxLength: 255 } as const satisfies Schema;
const time = { type: 'string', format: 'date-time' } as const satisfies Schema;
const role = { type: 'string', enum: roles } as const satisfies Schema;
const robotRole = { type: 'string', enum: ['read', 'write'] } as const satisfies Schema;
const visibility = { type: 'string', enum: ['private', 'public'] } as const satisfies Schema;

const digest = { type: 'string', maxLength: 255 } as const satisfies Schema;
const tag = {
  type: 'object',
  properties: {
    tag: { type: 'string', maxLength: 128 },
    digest,
    pushedAt: time,
    pulledAt: { ...time, description: 'when its image was last pulled, to the hour; absent for never' },
  },
  required: ['tag', 'digest', 'pushedAt'],
} as const satisfies Schema;

/** A robot's token ends after a year at most. */
export const mostRobotDays = 366;
export const usualRobotDays = 90;

/** What requests and answers of the management API look like. */
export const apiSchemas = {
  organisationNew: { type: 'object', properties: { name }, required: ['name'] },
  organisations: {
    type: 'array',
    items: { type: 'object', properties: { name, role }, required: ['name', 'role'] },
  },
  account: {
    type: 'object',
    properties: {
      name,
      isAdministrator: { type: 'boolean' },
      isRobot: { type: 'boolean' },
      organisations: {
        type: 'array',
        items: { type: 'object', properties: { name, role }, required: ['name', 'role'] },
      },
    },
    required: ['name', 'isAdministrator', 'isRobot', 'organisations'],
  },
  users: {
    type: 'array',
    items: {
      type: 'object',
      properties: { name, isAdministrator: { type: 'boolean' }, createdAt: time },
      required: ['name', 'isAdministrator', 'createdAt'],
    },
  },
  userNew: {
    type: 'object',
    properties: {
      name,
      password: {
        type: 'string',
        minLength: fewestPasswordCharacters,
        maxLength: 1024,
        description: 'made up if absent',
      },
      isAdministrator: { type: 'boolean', description: 'who may do everything' },
    },
    required: ['name'],
  },
  passwordNew: {
    type: 'object',
    properties: {
      password: {
        type: 'string',
        minLength: fewestPasswordCharacters,
        maxLength: 1024,
        description: 'made up if absent',
      },
    },
    required: [],
  },
  passwordChange: {
    type: 'object',
    properties: {
      currentPassword: { type: 'string', maxLength: 1024 },
      password: {
        type: 'string',
        minLength: fewestPasswordCharacters,
        maxLength: 1024,
        description: 'made up if absent',
      },
    },
    required: ['currentPassword'],
  },
  passwordMade: {
    type: 'object',
    properties: {
      name,
      newPassword: { type: 'string', description: 'the one made up; nobody can ask for it again' },
    },
    required: ['name'],
  },
  members: {
    type: 'array',
    items: { type: 'object', properties: { user: name, role }, required: ['user', 'role'] },
  },
  memberRole: { type: 'object', properties: { role }, required: ['role'] },
  robots: {
    type: 'array',
    items: {
      type: 'object',
      properties: {
        name,
        logIn: { type: 'string', description: 'its user name where it logs in' },
        role: robotRole,
        createdBy: name,
        createdAt: time,
        expiresAt: time,
        isExpired: { type: 'boolean' },
      },
      required: ['name', 'logIn', 'role', 'createdBy', 'createdAt', 'expiresAt', 'isExpired'],
    },
  },
  robotNew: {
    type: 'object',
    properties: {
      name,
      role: robotRole,
      days: {
        type: 'integer',
        minimum: 1,
        maximum: mostRobotDays,
        description: `how long its token is good for; ${usualRobotDays} if absent`,
      },
    },
    required: ['name', 'role'],
  },
  robotMade: {
    type: 'object',
    properties: {
      logIn: { type: 'string', description: 'its user name where it logs in' },
      token: { type: 'string', description: 'its password; nobody can ask for it again' },
      expiresAt: time,
    },
    required: ['logIn', 'token', 'expiresAt'],
  },
  repositories: {
    type: 'object',
    properties: {
      repositories: {
        type: 'array',
        items: {
          type: 'object',
          properties: { name, visibility, tags: { type: 'integer' }, pushedAt: time },
          required: ['name', 'visibility', 'tags'],
        },
      },
      next: { type: 'string', description: 'what "after" is for the next page; absent on the last one' },
    },
    required: ['repositories'],
  },
  tags: {
    type: 'object',
    properties: {
      tags: { type: 'array', items: tag },
      next: { type: 'string', description: 'what "after" is for the next page; absent on the last one' },
    },
    required: ['tags'],
  },
  tagMove: {
    type: 'object',
    properties: {
      digest: { ...digest, description: 'an image that the repository has' },
      current: {
        type: 'string',
        maxLength: 255,
        description: 'what the tag must point at now for this to be done; empty for nothing',
      },
    },
    required: ['digest'],
  },
  tagHistory: {
    type: 'array',
    items: {
      type: 'object',
      properties: {
        digest: { ...digest, description: 'absent where the tag was removed' },
        actor: name,
        at: time,
        isStored: { type: 'boolean', description: 'whether the repository still has the image' },
      },
      required: ['actor', 'at', 'isStored'],
    },
  },
  retention: {
    type: 'object',
    properties: {
      policy: policySchema,
      organisation: { ...name, description: 'whose policy it is, where the repository has none of its own' },
      nextRunAt: time,
    },
    required: ['policy', 'nextRunAt'],
  },
  retentionPolicy: policySchema,
  retentionSet: { type: 'object', properties: { nextRunAt: time }, required: ['nextRunAt'] },
  retentionRun: {
    type: 'object',
    properties: {
      isDryRun: { type: 'boolean', description: 'whether only to say what would be removed' },
      policy: { ...policySchema, description: 'in place of the one that counts; for dry runs only' },
    },
    required: ['isDryRun'],
  },
  retentionReport: {
    type: 'object',
    properties: {
      keptTags: { type: 'integer' },
      removedTags: { type: 'integer' },
      removedManifests: { type: 'integer' },
      tags: { type: 'array', items: tag, description: 'the first thousand of those removed' },
      manifests: { type: 'array', items: digest, description: 'the first thousand of those removed' },
    },
    required: ['keptTags', 'removedTags', 'removedManifests', 'tags', 'manifests'],
  },
  repositoryVisibility: { type: 'object', properties: { visibility }, required: ['visibility'] },
} as const satisfies { readonly [name: string]: Schema };
