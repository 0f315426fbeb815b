import packageJson from '../package.json' with { type: 'json' };

/** The version of img. */
export const version: string = packageJson.version;
