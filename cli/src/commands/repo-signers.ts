import type { AnswerOf } from '@img/registry/accounts/api-routes';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun } from '../command.ts';
import { openAccounts } from '../host/open-accounts.ts';
import { shortName } from '../host/short-name.ts';
import { typedReference } from '../host/typed-reference.ts';
import { bold, green, type Line, red } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  command
    .description('show who signed an image as its registry sees it; img verify decides for this host')
    .argument('<image>', 'by tag or digest');
  addExamples(command, 'img repo signers com.example.app:1.0.0');
  onRun(command, context, async (session, _: object, text: string) => {
    const { config, output, signal } = session;
    const image = typedReference(text, config);
    const { registry, repository, tag = '', digest } = image;
    await using accounts = openAccounts(session, registry);
    const asked = { repository, reference: digest ?? tag };
    const signers = await accounts.call('listSigners', asked, undefined, { signal });
    output.result(signers, () => lines(signers, shortName(image, config)));
    if (signers.decidedBy === 'rule') output.story(`by the rule of ${signers.ruleAt}`);
  });
}

function lines(found: AnswerOf<'listSigners'>, name: string): readonly Line[] {
  const { isMet, decidedBy, hasSignatures, required, message, signers, admittedAt } = found;
  if (decidedBy === 'nothing') {
    return [
      [bold(name), hasSignatures ? ' has signatures that the registry knows nobody of' : ' is not signed'],
    ];
  }
  if (!isMet) return [red(message ?? `${name} is not signed`)];
  const names = signers.map((signer) => signer.name).join(', ');
  const admitted = admittedAt === undefined ? '' : `, admitted ${admittedAt}`;
  return [[green('Signed By: '), bold(names), ` (${required ?? ''}) - ${name}${admitted}`]];
}
