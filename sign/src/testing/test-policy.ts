import { parseNamePrefix } from '@img/spec/name-prefix';
import { type Identity, parseIdentityId } from '../identity.ts';
import type { TrustDocument } from '../trust-document.ts';
import { mergeTrustDocuments, type TrustPolicy } from '../trust-policy.ts';
import type { TrustRule } from '../trust-rule.ts';
import { testKey } from './test-keys.ts';

/** Identity n of a row: Alice has the first test key, Bob the second, and so on. */
export function testIdentity(id: 'alice' | 'bob' | 'carol' | 'dave'): Identity {
  const n = ['alice', 'bob', 'carol', 'dave'].indexOf(id) + 1;
  const name = `${id.charAt(0).toUpperCase()}${id.slice(1)}`;
  return { id: parseIdentityId(id), name, keys: [testKey(n).publicKey] };
}

export function testRule(prefix: string, require: number, of: readonly string[]): TrustRule {
  return { prefix: parseNamePrefix(prefix), require, of: of.map(parseIdentityId) };
}

/** Everybody is known; who may sign what is up to the rules. */
export function testDocument(...rules: readonly TrustRule[]): TrustDocument {
  return { identities: (['alice', 'bob', 'carol', 'dave'] as const).map(testIdentity), rules };
}

export function testPolicy(...rules: readonly TrustRule[]): TrustPolicy {
  return mergeTrustDocuments([{ source: 'test', document: testDocument(...rules) }]);
}
