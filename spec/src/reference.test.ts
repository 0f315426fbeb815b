import test from 'ava';
import fc from 'fast-check';
import { digestOf, parseDigest } from './digest.ts';
import {
  formatReference,
  formatShortReference,
  parseReference,
  parseWrittenReference,
  type Reference,
  type Registries,
} from './reference.ts';
import { parseRegistryHost } from './registry-host.ts';
import { parseRepositoryName } from './repository-name.ts';
import { SpecError, type SpecErrorCode } from './spec-error.ts';
import { parseTag } from './tag.ts';

const registries: Registries = {
  default: parseRegistryHost('registry.example.com'),
  aliases: new Map([
    ['quay-local', parseRegistryHost('127.0.0.1:5000')],
    ['work', parseRegistryHost('registry.example.com')],
  ]),
};
const hex = 'a'.repeat(64);

const parsed: readonly [text: string, full: string, reason: string][] = [
  ['app', 'registry.example.com/app:latest', 'a name alone is in the default registry, tag latest'],
  [
    'com.example.app',
    'registry.example.com/com.example.app:latest',
    'dots alone make no registry: no slash follows',
  ],
  ['com.example.app:1.0', 'registry.example.com/com.example.app:1.0', 'a tag'],
  ['library/nginx:1', 'registry.example.com/library/nginx:1', 'a first part without dot and colon'],
  ['quay-local/com.example.app:1.0', '127.0.0.1:5000/com.example.app:1.0', 'an alias'],
  ['quay-local', 'registry.example.com/quay-local:latest', 'an alias needs a slash after it'],
  ['quay-locals/app', 'registry.example.com/quay-locals/app:latest', 'only begins like an alias'],
  ['localhost/app', 'localhost/app:latest', 'localhost is a registry'],
  ['localhost:5000/app', 'localhost:5000/app:latest', 'a colon before the slash makes a registry'],
  ['localhost:5000', 'registry.example.com/localhost:5000', 'no slash: a name and a tag, as docker reads it'],
  ['example.com/app', 'example.com/app:latest', 'a dot before the slash makes a registry'],
  ['Example.COM/app', 'example.com/app:latest', 'hosts have no case'],
  ['[::1]:5000/a/b:c', '[::1]:5000/a/b:c', 'IPv6'],
  [`app@sha256:${hex}`, `registry.example.com/app@sha256:${hex}`, 'a digest: no tag is made up'],
  [`app:1.0@sha256:${hex}`, `registry.example.com/app:1.0@sha256:${hex}`, 'tag and digest'],
  [`test:5000/repo:tag@sha512:${hex}${hex}`, `test:5000/repo:tag@sha512:${hex}${hex}`, 'sha512'],
  ['lowercase:Uppercase', 'registry.example.com/lowercase:Uppercase', 'tags have case'],
];

test('parseReference() reads references and fills in registry and tag', (t) => {
  for (const [text, full, reason] of parsed) {
    t.is(formatReference(parseReference(text, registries)), full, reason);
  }
});

test('parseWrittenReference() says what was written only', (t) => {
  t.deepEqual(parseWrittenReference('app', registries.aliases), {
    registry: undefined,
    repository: parseRepositoryName('app'),
    tag: undefined,
    digest: undefined,
  });
  t.like(parseWrittenReference('work/app:1', registries.aliases), {
    registry: 'registry.example.com',
    tag: '1',
  });
});

const refused: readonly [text: string, code: SpecErrorCode, message: RegExp, reason: string][] = [
  ['', 'REFERENCE_INVALID', /^reference is empty$/, 'empty'],
  ['a'.repeat(1025), 'REFERENCE_INVALID', /^reference "aaa.*…" is too long$/, 'too long to look at'],
  [':tag', 'NAME_INVALID', /^name ""/, 'no name'],
  ['app:', 'TAG_INVALID', /^tag ""/, 'no tag after the colon'],
  ['app@', 'DIGEST_INVALID', /^digest ""/, 'no digest after the at sign'],
  ['App', 'NAME_INVALID', /^name "App"/, 'upper case'],
  ['example.com/', 'NAME_INVALID', /^name ""/, 'no name after the registry'],
  ['quay-local/', 'NAME_INVALID', /^name ""/, 'no name after the alias'],
  ['example.com:http/app', 'NAME_INVALID', /^registry "example\.com:http"/, 'a port that is a word'],
  ['app:1.0/x', 'NAME_INVALID', /^registry "app:1\.0"/, 'a slash after the tag'],
  ['aa/asdf$$^/aa', 'NAME_INVALID', /^name/, 'characters that no name has'],
  ['https://example.com/app', 'NAME_INVALID', /^registry "https:"/, 'a URL'],
  ['app@sha256:abc', 'DIGEST_INVALID', /^digest "sha256:abc"/, 'a short digest'],
  [`app@md5:${'a'.repeat(32)}`, 'DIGEST_INVALID', /should begin with sha256:/, 'an unknown algorithm'],
  [`app@sha256:${hex}@sha256:${hex}`, 'DIGEST_INVALID', /^digest/, 'two digests'],
  [`app@sha256:${hex}:1.0`, 'DIGEST_INVALID', /^digest/, 'the tag after the digest'],
  ['app:a:b', 'TAG_INVALID', /^tag "a:b"/, 'two tags'],
  ['app name', 'NAME_INVALID', /^name "app name"/, 'a space'],
  ['app\n', 'NAME_INVALID', /^name "app\\n"/, 'a new line'],
  ['../app', 'NAME_INVALID', /^registry "\.\."/, 'the parent folder'],
  [
    `example.com/${'a'.repeat(244)}`,
    'NAME_INVALID',
    /more than 255 characters together/,
    'registry and name too long together',
  ],
  [
    'a'.repeat(240),
    'NAME_INVALID',
    /more than 255 characters together/,
    'too long with the default registry',
  ],
];

test('parseReference() refuses everything else, naming the part', (t) => {
  for (const [text, code, message, reason] of refused) {
    t.throws(() => parseReference(text, registries), { instanceOf: SpecError, code, message }, reason);
  }
});

const component = fc.stringMatching(/^[a-z0-9]{1,4}([._-][a-z0-9]{1,4}){0,2}$/);
const references: fc.Arbitrary<Reference> = fc
  .record({
    registry: fc.constantFrom(
      ...['registry.example.com', '127.0.0.1:5000', 'localhost', 'a:1', '[::1]', 'work:5000'].map(
        parseRegistryHost,
      ),
    ),
    repository: fc
      .tuple(
        fc.constantFrom('', 'quay-local/', 'localhost/', 'work/', 'a.b/'),
        fc.array(component, { minLength: 1, maxLength: 3 }),
      )
      .map(([first, rest]) => parseRepositoryName(first + rest.join('/'))),
    tag: fc.option(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,9}$/).map(parseTag), { nil: undefined }),
    digest: fc.option(
      fc.uint8Array().map((bytes) => digestOf(bytes)),
      { nil: undefined },
    ),
  })
  .filter(({ tag, digest }) => tag !== undefined || digest !== undefined);

test('formatReference() parses back to the same reference, whatever the configuration is', (t) => {
  fc.assert(
    fc.property(references, (reference) => {
      const text = formatReference(reference);
      t.deepEqual(parseReference(text, { ...registries, aliases: new Map() }), reference);
      t.deepEqual(parseReference(text, registries), reference);
    }),
  );
});

test('formatShortReference() parses back to the same reference', (t) => {
  fc.assert(
    fc.property(references, fc.boolean(), (reference, isDefault) => {
      const configuration = isDefault ? { ...registries, default: reference.registry } : registries;
      const short = formatShortReference(reference, configuration);
      t.deepEqual(parseReference(short, configuration), reference, short);
      t.true(short.length <= formatReference(reference).length);
    }),
    { numRuns: 500 },
  );
});

const short: readonly [full: string, short: string, reason: string][] = [
  ['registry.example.com/app:1', 'app:1', 'the default registry is left out, although it has an alias'],
  ['127.0.0.1:5000/app:1', 'quay-local/app:1', 'an alias'],
  ['example.com/app:1', 'example.com/app:1', 'neither'],
  ['registry.example.com/quay-local/app:1', 'work/quay-local/app:1', 'the name would be read as an alias'],
  [`registry.example.com/app@sha256:${hex}`, `app@sha256:${hex}`, 'a digest'],
];

test('formatShortReference() is what a person would write', (t) => {
  for (const [full, wanted, reason] of short) {
    t.is(formatShortReference(parseReference(full, registries), registries), wanted, reason);
  }
});

test('parseReference() throws nothing but SpecError on any text', (t) => {
  const unit = fc.constantFrom(
    'a',
    'B',
    '/',
    ':',
    '@',
    '.',
    '-',
    '[',
    ']',
    ' ',
    '\n',
    'ä',
    '0',
    'sha256:',
    parseDigest(`sha256:${hex}`),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit }), fc.string({ unit: 'binary' })), (text) => {
      try {
        const reference = parseReference(text, registries);
        t.deepEqual(parseReference(formatReference(reference), registries), reference);
      } catch (error) {
        t.true(error instanceof SpecError, text);
      }
    }),
    { numRuns: 500 },
  );
  t.pass();
});
