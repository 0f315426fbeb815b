import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import fc from 'fast-check';
import { checkSchema } from './check-schema.ts';
import type { Located } from './located.ts';
import { Problems } from './problems.ts';
import { recipeSchema, type Schema } from './schema.ts';

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictTypes: false });
const validate = ajv.compile(recipeSchema);
const position = { line: 1, column: 1 };

// Text that fits some pattern or other, and some that fits none.
const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'python3',
    '/opt',
    '../x',
    '0644',
    '999',
    '8080',
    '53/udp',
    'SIGTERM',
    'debian:13',
  ),
  fc.constantFrom('http://m/d', 'main', 'A_B', 'a b', 'app:app', 'linux/amd64', 'ő', 'x'.repeat(300)),
  fc.string({ maxLength: 10 }),
);

/** Values that mostly fit the schema, so that deep places are reached, and sometimes don't. */
function valueFor(schema: Schema): fc.Arbitrary<unknown> {
  const types = typeof schema.type === 'string' ? [schema.type] : schema.type;
  const kinds = types.map((type): fc.Arbitrary<unknown> => {
    if (type === 'array') return fc.array(valueFor(schema.items ?? recipeSchema), { maxLength: 3 });
    if (type === 'object') return objectFor(schema);
    return schema.pattern === undefined
      ? text
      : fc.stringMatching(new RegExp(schema.pattern, 'u'), { maxLength: 40 });
  });
  const wrong = fc.oneof(
    { weight: 6, arbitrary: text },
    fc.constant([]),
    fc.constant({}),
    fc.constant(['x']),
  );
  return fc.oneof({ weight: 40, arbitrary: fc.oneof(...kinds) }, { weight: 1, arbitrary: wrong });
}

function objectFor({ properties = {}, additionalProperties }: Schema): fc.Arbitrary<unknown> {
  const known = Object.fromEntries(
    Object.entries(properties).map(([key, schema]) => [key, valueFor(schema)]),
  );
  const others = fc.dictionary(
    fc.constantFrom('A', 'a.b', 'x y', 'nmae'),
    additionalProperties ? valueFor(additionalProperties) : text,
    { maxKeys: additionalProperties ? 3 : 1 },
  );
  const required = fc.record(known, { requiredKeys: Object.keys(known).filter((_, index) => index < 3) });
  return fc
    .tuple(required, fc.oneof({ weight: 20, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: others }))
    .map(([a, b]) => ({ ...a, ...b }));
}

function locate(value: unknown): Located {
  if (typeof value === 'string') return { kind: 'text', position, text: value };
  if (Array.isArray(value)) return { kind: 'list', position, items: value.map(locate) };
  const entries = Object.entries(value as object).map(
    ([key, item]) => [key, { keyPosition: position, value: locate(item) }] as const,
  );
  return { kind: 'map', position, entries: new Map(entries) };
}

test('checkSchema() accepts and refuses the same values as ajv', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(valueFor(recipeSchema), (value) => {
      const problems = new Problems('img.yaml');
      checkSchema(locate(value), recipeSchema, '', problems);
      t.is(problems.isEmpty, validate(value), JSON.stringify([value, validate.errors]));
      accepted += problems.isEmpty ? 1 : 0;
    }),
    { numRuns: 3000 },
  );
  t.log(`${accepted} of 3000 values fit`);
  t.true(accepted > 300, 'some values must fit for the comparison to mean anything');
});

test('img.schema.json uses only keywords that checkSchema() knows, and describes every key', (t) => {
  const known = new Set<string>([
    'title',
    'description',
    'examples',
    'type',
    'pattern',
    'maxLength',
    'minimum',
    'maximum',
    'items',
    'minItems',
    'maxItems',
    'properties',
    'required',
    'maxProperties',
    'propertyNames',
    'additionalProperties',
  ] satisfies (keyof Schema)[]);
  const visit = (schema: Schema, path: string): void => {
    for (const key of Object.keys(schema)) t.true(known.has(key) || key.startsWith('$'), `${path}: ${key}`);
    t.true(schema.title.length > 0, path);
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      t.is(typeof property.description === 'string' || /from|to|mode/.test(key), true, `${path}.${key}`);
      visit(property, `${path}.${key}`);
    }
    if (schema.items !== undefined) visit(schema.items, `${path}[]`);
    if (schema.additionalProperties) visit(schema.additionalProperties, `${path}.*`);
  };
  visit(recipeSchema, '');
});

test('img.schema.json gives examples that fit it', (t) => {
  const visit = (schema: Schema, path: string): void => {
    for (const example of schema.examples ?? []) {
      t.true(
        new Ajv2020({ strictTypes: false }).validate(schema, example),
        `${path}: ${JSON.stringify(example)}`,
      );
    }
    for (const [key, property] of Object.entries(schema.properties ?? {})) visit(property, `${path}.${key}`);
    if (schema.items !== undefined) visit(schema.items, `${path}[]`);
  };
  visit(recipeSchema, '');
});
