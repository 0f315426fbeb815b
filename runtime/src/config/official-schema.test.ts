import { readFileSync } from 'node:fs';
import type { RuntimeConfig } from '@img/spec/runtime-config';
import { Ajv, type ValidateFunction } from 'ajv';
import test from 'ava';
import fc from 'fast-check';
import { selfCheck } from '../launch/self-check.ts';
import { confinementOf } from './confinement.ts';
import type { InsecureItem } from './insecure-item.ts';
import { profileNames } from './profile.ts';
import type { RunOptions } from './run-options.ts';
import { runtimeConfig } from './runtime-config.ts';
import { image } from './testing.ts';

const versions = ['1.0.2', '1.3.0'] as const;

for (const version of versions) {
  const validate = officialSchema(version);

  test(`every config is one of runtime-spec ${version}, whatever the image and the caller say`, (t) => {
    fc.assert(
      fc.property(cases, ({ options, fields, isInUnit }) => {
        const { memoryBytes: _memory, cpus: _cpus, pids: _pids, ...unlimited } = options;
        // A unit has the limits.
        const config = bundleConfig(isInUnit ? unlimited : options, fields, isInUnit);
        if (!validate(config)) throw new Error(JSON.stringify(validate.errors));
      }),
      { seed: 1, numRuns: 300 },
    );
    t.pass();
  });

  test(`the schema of runtime-spec ${version} refuses broken configs`, (t) => {
    const good = bundleConfig({ memoryBytes: 2 ** 30 }, {}, false);
    t.true(validate(good), JSON.stringify(validate.errors));
    for (const broken of [
      { ...good, ociVersion: 1 },
      { ...good, process: { ...good.process, env: 'A=1' } },
      { ...good, process: { ...good.process, user: { uid: -1 } } },
      { ...good, process: { ...good.process, capabilities: { bounding: 'CAP_KILL' } } },
      { ...good, hooks: { poststop: [{ path: 'x', args: 'y' }] } },
      { ...good, mounts: [{ source: 'x' }] },
      { ...good, linux: { ...good.linux, seccomp: { ...good.linux.seccomp, defaultAction: 'ALLOW' } } },
      { ...good, linux: { ...good.linux, namespaces: [{ type: 'disk' }] } },
      { ...good, linux: { ...good.linux, devices: [{ path: '/dev/x', type: 'x' }] } },
    ]) {
      t.false(validate(broken));
    }
  });
}

const word = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !text.includes('\0'));
const id = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const items = fc.uniqueArray(
  fc.constantFrom<InsecureItem>(
    'signature',
    'privileges',
    'seccomp',
    'kernel-files',
    'capability:NET_ADMIN',
    'device:/dev/fuse',
  ),
);
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });

const options: fc.Arbitrary<RunOptions> = fc
  .record({
    profile: optional(fc.constantFrom(...profileNames)),
    insecure: optional(items),
    network: optional(fc.constantFrom('none' as const, 'host' as const, 'bridge' as const)),
    isWritable: optional(fc.boolean()),
    hasTerminal: optional(fc.boolean()),
    memoryBytes: optional(fc.integer({ min: 2 ** 23, max: 2 ** 40 })),
    cpus: optional(fc.integer({ min: 1, max: 400 }).map((hundredths) => hundredths / 100)),
    pids: optional(fc.integer({ min: 1, max: 2 ** 22 })),
    user: optional(fc.tuple(id, id).map(([uid, gid]) => `${uid}:${gid}`)),
    env: optional(fc.array(word.map((value) => `NAME=${value}`))),
    command: optional(fc.array(word, { minLength: 1 })),
  })
  .map((found) => Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)))
  .filter((found: RunOptions) => {
    const isOpened = found.network === 'host' || found.isWritable === true;
    return found.profile !== 'strict' || !isOpened;
  });

const cases = fc.record({
  options,
  isInUnit: fc.boolean(),
  fields: fc.record({
    author: optional(word),
    created: optional(fc.constant('2026-01-31T00:00:00Z')),
    config: fc.record({
      cmd: fc.array(word, { minLength: 1 }),
      env: fc.array(word),
      labels: fc.dictionary(word, word),
      exposedPorts: fc.array(fc.constantFrom('80/tcp', '53/udp')),
      stopSignal: optional(fc.constantFrom('SIGQUIT', '15', 'SIGRTMIN+3')),
      workingDir: fc.constantFrom('', '/', '/srv/a b'),
    }),
  }),
});

/** What is written into a bundle. */
function bundleConfig(
  options: RunOptions,
  fields: Parameters<typeof image>[0],
  isInUnit: boolean,
): RuntimeConfig {
  const devices = confinementOf(options).devices.map((path) => {
    return { path, type: 'c', major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 } as const;
  });
  const source = image({ ...fields, config: { cmd: ['true'], ...fields.config } });
  const config = runtimeConfig(source, options, {
    id: '0123456789abcdef',
    hostname: 'app',
    rootPath: 'rootfs',
    users: { passwd: undefined, group: undefined },
    mounts: [{ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=1777'] }],
    devices,
    controllers: new Set(['cpu', 'memory', 'pids']),
    ...(options.network === 'bridge' ? { networkNamespace: '/run/img/networks/x' } : {}),
    ...(isInUnit ? { unitGroup: '/system.slice/img-web.service' } : {}),
    limitsText: '',
    poststop: [{ path: '/bin/rm', args: ['rm', '-rf', '/run/img/containers/0123456789abcdef'] }],
  });
  const check = selfCheck(config, {
    sh: '/bin/sh',
    root: '/run/img/bundle/rootfs',
    isWritable: false,
    limits: [],
    isThere: () => true,
    folder: '/run/img/containers/0123456789abcdef',
  });
  // As a runtime reads it.
  return JSON.parse(
    JSON.stringify({ ...config, hooks: { ...config.hooks, poststart: [check] } }),
  ) as RuntimeConfig;
}

function officialSchema(version: (typeof versions)[number]): ValidateFunction {
  const ajv = new Ajv({ strict: false });
  for (const name of ['defs.json', 'defs-linux.json', 'config-linux.json']) {
    ajv.addSchema(readSchema(version, name), name);
  }
  const schema = readSchema(version, 'config-schema.json') as { properties: Record<string, unknown> };
  // The other platforms' parts would need their files, too.
  for (const platform of ['freebsd', 'solaris', 'windows', 'vm', 'zos']) delete schema.properties[platform];
  return ajv.compile(schema);
}

// The schema is of draft 4; it uses nothing of it that newer drafts have changed, but its name.
function readSchema(version: string, name: string): object {
  const path = new URL(`vectors/runtime-spec-${version}/${name}`, import.meta.url);
  const { $schema: _draft, ...schema } = JSON.parse(readFileSync(path, 'utf8')) as { $schema?: string };
  return schema;
}
