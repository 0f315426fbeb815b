import { NotTrustedError } from '@img/runtime/trust/not-trusted-error';
import { parsePredicateTypes, predicateNames } from '@img/sign/predicate-type';
import { type Command, Option } from 'commander';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { decisionDocument, decisionLines, findingLines } from '../host/decision-lines.ts';
import { examineTypedImage } from '../host/examine-typed-image.ts';
import { addJudgedImage, type JudgeOptions, judgeTypedImage } from '../host/judge-typed-image.ts';
import { errorLines } from '../output/error-lines.ts';

type VerifyOptions = Omit<JudgeOptions, 'required'> & {
  readonly require?: readonly string[];
  readonly deep?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  addJudgedImage(command)
    .addOption(
      new Option(
        '--deep',
        'first read all that this host has of it, and say what is damaged; ends with 3 if something is',
      ).conflicts('remote'),
    )
    .option(
      '--require <type>',
      `what must be attested, too: ${predicateNames.join(', ')} or a URI; may be repeated`,
      (text: string, before: readonly string[] = []) => [...before, text],
    );
  addExamples(
    command,
    'img verify com.example.app',
    'img verify --deep com.example.app',
    'img verify com.example.app:1.0.0 --require provenance',
  );
  onRun(command, context, verify);
}

async function verify(session: Session, options: VerifyOptions, text: string): Promise<void> {
  const { output, setExitCode } = session;
  const required = (options.require ?? []).map((name) => {
    return { name, types: parseArgument(parsePredicateTypes, name) };
  });
  if (options.deep === true && !(await examineTypedImage(session, text))) return;
  const now = new Date();
  const { request, decision, name, place } = await judgeTypedImage(session, text, { ...options, required });
  output.detail(`looked at ${place}`, ...findingLines(decision));
  if (decision.trusted || output.isJson) {
    const document = decisionDocument(decision, name, request.digest);
    output.result(document, () => decisionLines(decision, name, now));
  }
  if (decision.trusted) return;
  output.error(errorLines(new NotTrustedError(decision), { verbose: false }));
  setExitCode(exitCodes.notTrusted);
}
