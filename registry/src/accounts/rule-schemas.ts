import type { Schema } from './schema.ts';

const text = { type: 'string', maxLength: 1024 } as const satisfies Schema;
const name = { type: 'string', maxLength: 255 } as const satisfies Schema;
const digest = { type: 'string', maxLength: 255 } as const satisfies Schema;
const time = { type: 'string', format: 'date-time' } as const satisfies Schema;

const document = {
  type: 'string',
  maxLength: 1024 * 1024,
  description: 'a trust document or a signed trust root, as hosts have them in trust.d',
} as const satisfies Schema;

/** A request with a document, every character of it escaped. */
export const ruleBodyBytes = 7 * 1024 * 1024;

const rules = {
  type: 'array',
  items: text,
  description: 'in words, such as "2 of alice, bob for com.example.*"',
} as const satisfies Schema;

/** What the management API says of rules for tags, and of who signed what they mean. */
export const ruleSchemas = {
  rule: {
    type: 'object',
    properties: {
      name: { ...name, description: 'where it stands: it covers this name and everything below it' },
      rules,
      document,
      digest: { ...digest, description: 'of the document' },
      setBy: name,
      setAt: time,
    },
    required: ['name', 'rules', 'document', 'digest', 'setBy', 'setAt'],
  },
  ruleNew: { type: 'object', properties: { document }, required: ['document'] },
  ruleSet: { type: 'object', properties: { rules, digest }, required: ['rules', 'digest'] },
  signers: {
    type: 'object',
    properties: {
      digest,
      decidedBy: {
        type: 'string',
        enum: ['rule', 'keyring', 'nothing'],
        description:
          'the rule of the repository, or the keyring of the registry, or nothing: then nobody is known',
      },
      ruleAt: { ...name, description: 'where the rule stands' },
      isMet: { type: 'boolean', description: 'whether what is required is signed' },
      hasSignatures: { type: 'boolean' },
      required: { ...text, description: 'in words' },
      message: text,
      signers: {
        type: 'array',
        items: { type: 'object', properties: { id: name, name, key: name }, required: ['id', 'name', 'key'] },
      },
      admittedAt: { ...time, description: 'when the rule admitted the tag' },
      summary: { ...digest, description: "of the manifest that attaches the registry's summary of that" },
    },
    required: ['digest', 'decidedBy', 'isMet', 'hasSignatures', 'signers'],
  },
  registryKey: {
    type: 'object',
    properties: { fingerprint: name, ssh: text, pem: text },
    required: ['fingerprint', 'ssh', 'pem'],
  },
} as const satisfies { readonly [name: string]: Schema };
