import type { Command } from 'commander';
import { type AccountsOptions, addRegistryOption, callAccounts } from '../accounts/with-accounts.ts';
import { addExamples, type CommandContext, onRun } from '../command.ts';

export function configure(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('print the public key with which a registry signs what it admitted'));
  addExamples(
    command,
    'img repo key > registry.pub',
    'cosign verify-attestation --key registry.pub --type https://slsa.dev/verification_summary/v1 …',
  );
  onRun(command, context, async (session, options: AccountsOptions) => {
    const { output } = session;
    const key = await callAccounts(session, options, 'registryKey', {}, undefined);
    output.result(key, () => key.pem.trimEnd().split('\n'));
    output.story(key.fingerprint);
  });
}
