import { type FoundTrustFile, readTrustFiles } from '@img/runtime/trust/trust-files';
import type { IdentityId } from '@img/sign/identity';
import type { SignedTrustRoot } from '@img/sign/signed-trust-root';
import { logJson } from '@img/sign/trust-log';
import { mergeTrustDocuments } from '@img/sign/trust-policy';
import { describeRule, displayPrefix, identitiesIn, ruleParts, type TrustRule } from '@img/sign/trust-rule';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun } from '../command.ts';
import { tableLines } from '../output/table.ts';
import { bold } from '../output/text.ts';
import { describeLog } from '../trust/describe-log.ts';
import { rootDocument, rootLines, rootSummary } from '../trust/describe-root.ts';
import { findIdentity, identityDocument } from '../trust/find-identity.ts';
import { readRootFile } from '../trust/root-file.ts';

export function configureList(command: Command, context: CommandContext): void {
  command.description('list the rules of this host: who must sign which images');
  addExamples(command, 'img trust list');
  onRun(command, context, async ({ config, output }) => {
    const files = await readTrustFiles(config.trustFolders);
    const { rules, identities, revoked, denied, logs, retired } = mergeTrustDocuments(files);
    const roots = files.flatMap(({ signedRoot }) => signedRoot ?? []);
    if (rules.size === 0) output.story('nobody is trusted; add somebody with img trust add');
    const sorted = [...rules.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
    const retiredKeys = [...retired].flatMap(([key, all]) =>
      all.map(({ log, from }) => ({ key, log, from })),
    );
    const document = {
      rules: sorted,
      identities: [...identities.values()].map(identityDocument),
      roots: roots.map(rootDocument),
      revoked: [...revoked.keys()],
      denied: [...denied.keys()],
      logs: [...logs.values()].map(logJson),
      retired: retiredKeys,
    };
    output.result(document, () =>
      tableLines([{ title: 'images' }, { title: 'required' }, { title: 'of' }], sorted.map(ruleRow)),
    );
    output.story(
      ...roots.map((root) => rootSummary(root, new Date())),
      ...[...revoked.keys()].map((key) => `revoked key ${key}`),
      ...[...denied.keys()].map((digest) => `denied image ${digest}`),
      ...[...logs.values()].map(describeLog),
      ...retiredKeys.map(({ key, log, from }) => `key ${key} counts before entry ${from} of ${log}`),
    );
  });
}

function ruleRow(rule: TrustRule) {
  const { people, besides } = ruleParts(rule);
  return [bold(displayPrefix(rule.prefix)), `${rule.require}`, `${people}${besides}`];
}

export function configureShow(command: Command, context: CommandContext): void {
  command
    .description('show who somebody is and what they may sign, or what a trust root says')
    .argument(
      '<name>',
      'an identity or a trust root, as img trust list shows them, or the file of a trust root',
    );
  addExamples(command, 'img trust show alice', 'img trust show ./root.json');
  onRun(command, context, async ({ config, output }, _: object, text: string) => {
    const files = await readTrustFiles(config.trustFolders);
    const root = await findRoot(files, text);
    if (root !== undefined) {
      output.result(rootDocument(root), () => rootLines(root, new Date()));
      return;
    }
    const policy = mergeTrustDocuments(files);
    const identity = findIdentity(policy, text);
    const rules = [...policy.rules.values()].filter((rule) => identitiesIn(rule).includes(identity.id));
    output.result({ ...identityDocument(identity), rules }, () => [
      [bold(identity.name), ` (${identity.id})`],
      ...identity.keys.map((key) => `key       ${key.fingerprint}  ${key.algorithm}`),
      ...rules.map((rule) => `${roleOf(rule, identity.id)}${describeRule(rule)}`),
    ]);
  });
}

/** The first column: what the rule lets somebody do. */
function roleOf({ of, movers = [], builders = [] }: TrustRule, id: IdentityId): string {
  if (of.includes(id)) return 'may sign  ';
  if (movers.includes(id)) return 'moves tag ';
  return builders.includes(id) ? 'builds    ' : 'refreshes ';
}

/** By its name if it is trusted here, or by its file, which is not yet trusted. */
async function findRoot(
  files: readonly FoundTrustFile[],
  text: string,
): Promise<SignedTrustRoot | undefined> {
  const pinned = files.find(({ root }) => root?.name === text)?.signedRoot;
  return pinned === undefined && /[/]|\.json$/.test(text) ? await readRootFile(text) : pinned;
}
