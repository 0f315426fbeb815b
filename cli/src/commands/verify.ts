import { NotTrustedError } from '@img/runtime/trust/not-trusted-error';
import { parsePredicateTypes, predicateNames } from '@img/sign/predicate-type';
import { type Command, Option } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { decisionDocument, decisionLines, findingLines } from '../host/decision-lines.ts';
import { examineTypedImage } from '../host/examine-typed-image.ts';
import { inUserNamespace } from '../host/in-user-namespace.ts';
import {
  addJudgedImage,
  type JudgedImage,
  type JudgeOptions,
  judgeOnHost,
} from '../host/judge-typed-image.ts';
import { openHost } from '../host/open-host.ts';
import { errorLines } from '../output/error-lines.ts';

type VerifyOptions = Omit<JudgeOptions, 'required'> & {
  readonly require?: readonly string[];
  readonly deep?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  addJudgedImage(command, 'several')
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
    'img verify --remote com.example.app:1.0.0 com.example.web:2.1.0',
    'img verify com.example.app:1.0.0 --require provenance',
  );
  onRun(command, context, verify);
}

async function verify(session: Session, options: VerifyOptions, texts: readonly string[]): Promise<void> {
  const [first = '', ...others] = texts;
  const required = (options.require ?? []).map((name) => {
    return { name, types: parseArgument(parsePredicateTypes, name) };
  });
  if (options.deep === true && others.length > 0) {
    throw new CliError('USAGE', '--deep reads one image at a time', {
      hint: 'name one image, or leave out --deep',
    });
  }
  if (options.deep === true) {
    // The tree of an image that was run has files of users who are there only.
    await inUserNamespace(session);
    if (!(await examineTypedImage(session, first))) return;
  }
  await using host = await openHost(session);
  const documents: unknown[] = [];
  for (const text of texts) {
    const judged = await judgeOnHost(session, host, text, { ...options, required });
    documents.push(decisionDocument(judged.decision, judged.name, judged.request.digest));
    show(session, judged);
  }
  // One image has one document, as scripts know it.
  if (session.output.isJson) session.output.result(others.length === 0 ? documents[0] : documents, () => []);
}

function show({ output, setExitCode }: Session, { decision, name, place }: JudgedImage): void {
  output.detail(`looked at ${place}`, ...findingLines(decision));
  if (!decision.trusted) {
    output.error(errorLines(new NotTrustedError(decision), { verbose: false }));
    setExitCode(exitCodes.notTrusted);
  } else if (!output.isJson) output.print(decisionLines(decision, name, new Date()));
}
