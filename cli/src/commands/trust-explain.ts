import { explainDecision } from '@img/sign/explain-decision';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { decisionDocument } from '../host/decision-lines.ts';
import { addJudgedImage, type JudgeOptions, judgeTypedImage } from '../host/judge-typed-image.ts';
import { bold, dim, green, type Line, red } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  addJudgedImage(command.description('show step by step how this host decides about an image'));
  addExamples(command, 'img trust explain com.example.app');
  onRun(command, context, explain);
}

async function explain(session: Session, options: JudgeOptions, text: string): Promise<void> {
  const { output } = session;
  const { request, decision, name, place } = await judgeTypedImage(session, text, options);
  const { digest } = request;
  const steps = explainDecision(request, decision);
  output.result({ ...decisionDocument(decision, name, digest), steps }, () => [
    [bold(name), `  ${digest}`],
    `found in ${place}`,
    ...steps.flatMap(({ question, isPassed, answers }, index): readonly Line[] => [
      [isPassed ? green('ok  ') : red('no  '), `${index + 1}. ${question}`],
      ...answers.map((answer): Line => [dim('       '), answer]),
    ]),
  ]);
}
