import type { PublicKey } from '@img/sign/public-key';
import { rootSigners, type SignedTrustRoot } from '@img/sign/signed-trust-root';
import { trustDocumentJson } from '@img/sign/trust-document';
import { describeRule, displayPrefix } from '@img/sign/trust-rule';
import { formatUnixTime } from '@img/sign/unix-time';
import { formatAge } from '../output/measure.ts';
import { bold, green, type Line, red } from '../output/text.ts';
import { describeLog } from './describe-log.ts';

/** A trust root for programs. */
export function rootDocument(signed: SignedTrustRoot) {
  const { name, version, expires, keys, require, prefixes, document } = signed.root;
  const signers = rootSigners(signed, keys);
  return {
    name,
    version,
    expires: formatUnixTime(expires),
    require,
    keys: keys.map((key) => ({ ...keyDocument(key), hasSigned: signers.includes(key) })),
    isSigned: signers.length >= require,
    prefixes,
    ...trustDocumentJson(document),
  };
}

/** A trust root for people: everything that they consent to when they import it. */
export function rootLines(signed: SignedTrustRoot, now: Date): readonly Line[] {
  const { name, version, expires, keys, require, prefixes, document } = signed.root;
  const signers = rootSigners(signed, keys);
  const isSigned = signers.length >= require;
  const { identities, rules, revoked = [], denied = [], logs = [], retired = [] } = document;
  const count = `${signers.length} of ${keys.length} keys have signed it, ${require} must`;
  return [
    [bold(`${name}`), `  version ${version}, expires ${formatAge(new Date(expires * 1000), now)}`],
    [isSigned ? green('signed    ') : red('draft     '), count],
    ...keys.map((key): Line => `root key  ${key.fingerprint}${signers.includes(key) ? '  has signed' : ''}`),
    ...prefixes.map((prefix): Line => `covers    ${displayPrefix(prefix)}`),
    ...identities.flatMap((identity) =>
      identity.keys.map((key): Line => `identity  ${identity.id} (${identity.name})  ${key.fingerprint}`),
    ),
    ...rules.map((rule): Line => `rule      ${describeRule(rule)}`),
    ...revoked.map((key): Line => `revoked   ${key}`),
    ...denied.map((digest): Line => `denied    ${digest}`),
    ...logs.map((log): Line => describeLog(log)),
    ...retired.map(({ key, log, from }): Line => `retired   ${key}  from entry ${from} of ${log} on`),
  ];
}

/** A trust root in one line, for lists. */
export function rootSummary({ root }: SignedTrustRoot, now: Date): Line {
  const end = formatAge(new Date(root.expires * 1000), now);
  const keys = `${root.require} of ${root.keys.length} keys`;
  return `trust root ${root.name}: version ${root.version} by ${keys}, expires ${end}`;
}

function keyDocument(key: PublicKey) {
  return { fingerprint: key.fingerprint, algorithm: key.algorithm, ssh: key.toSshLine() };
}
