import { containersFinding } from '@img/runtime/doctor/examine-containers';
import { examineHost } from '@img/runtime/doctor/examine-host';
import { networkFinding } from '@img/runtime/doctor/examine-networks';
import { userNetworkFinding } from '@img/runtime/doctor/examine-user';
import type { Finding } from '@img/runtime/doctor/finding';
import { loadTrustPolicy } from '@img/runtime/trust/load-trust-policy';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { openHost } from '../host/open-host.ts';
import { countOf } from '../output/measure.ts';
import { dim, green, type Line, red, yellow } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  command.addHelpText('after', '\nEnds with 1 if something is missing without which no image can be run.');
  addExamples(command, 'img doctor', 'img doctor --json');
  onRun(command, context, examine);
}

async function examine(session: Session): Promise<void> {
  const { config, environment, output, setExitCode } = session;
  await using host = await openHost(session);
  const { rules } = await loadTrustPolicy(config.trustFolders);
  const findings = [
    ...(await examineHost(environment.variables['PATH'])),
    process.geteuid?.() === 0 ? networkFinding(config) : userNetworkFinding(environment.variables['PATH']),
    containersFinding(host.state.list()),
    trustFinding(rules.size),
  ];
  output.result(findings, () => findings.flatMap(findingLines));
  if (findings.some(({ verdict }) => verdict === 'missing')) setExitCode(exitCodes.failed);
}

function trustFinding(rules: number): Finding {
  const subject = 'trust';
  if (rules > 0)
    return { subject, verdict: 'good', text: `${countOf(rules, 'rule')} about who may sign what` };
  return {
    subject,
    verdict: 'missing',
    text: 'nobody is trusted, so every image is refused',
    hint: 'img trust add says who may sign which images',
  };
}

const marks = { good: green('good   '), limited: yellow('limited'), missing: red('missing') };

function findingLines({ subject, verdict, text, hint, details = [] }: Finding): readonly Line[] {
  const margin = ' '.repeat(25);
  return [
    [marks[verdict], `  ${subject.padEnd(15)} ${text}`],
    ...details.map((line) => [margin, dim(line)]),
    ...(hint === undefined ? [] : [[margin, dim(`hint: ${hint}`)]]),
  ];
}
