import type { Schema } from '@img/builder/recipe/schema';

const text = (title: string): Schema => ({ title, type: 'string', pattern: '^.+$', maxLength: 4096 });
const folder = text('a folder, beginning with / or ~/');

/** What a config.yaml may say. */
export const configSchema: Schema = {
  title: 'a map of settings',
  type: 'object',
  additionalProperties: false,
  properties: {
    registries: {
      title: 'a map with default and aliases',
      type: 'object',
      additionalProperties: false,
      properties: {
        default: text('an alias or the address of a registry'),
        aliases: {
          title: 'a map of short names to addresses of registries',
          type: 'object',
          maxProperties: 1000,
          additionalProperties: text('the address of a registry, such as registry.example.com'),
        },
      },
    },
    mirror: text('the address of a Debian mirror, such as http://deb.debian.org/debian'),
    root: folder,
    run: folder,
    cache: folder,
    keys: folder,
    trust: { title: 'a list of folders', type: 'array', maxItems: 100, items: folder },
  },
};
