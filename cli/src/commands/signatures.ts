import { allowedSigners, type SignatureFiles, signatureFiles } from '@img/sign/signature-files';
import { sshSignatureNamespace } from '@img/sign/ssh-signature';
import { describeRule } from '@img/sign/trust-rule';
import { formatUnixTime, type UnixTime } from '@img/sign/unix-time';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { addJudgedImage, type JudgeOptions, judgeTypedImage } from '../host/judge-typed-image.ts';
import { countOf, formatAge } from '../output/measure.ts';
import { tableLines } from '../output/table.ts';
import { bold, green, type Line } from '../output/text.ts';
import { type ListedSignature, listSignatures } from '../sign/list-signatures.ts';
import { writeSignatures } from '../sign/write-signatures.ts';

export function configure(command: Command, context: CommandContext): void {
  addJudgedImage(command).option(
    '-o, --output <folder>',
    'write what was signed, and the signatures, into a new folder, for openssl, ssh-keygen and cosign verify-blob',
  );
  addExamples(
    command,
    'img signatures com.example.app',
    'img signatures --remote com.example.app:1.0.0',
    'img signatures com.example.app:1.0.0 --output signatures',
  );
  onRun(command, context, signatures);
}

type SignaturesOptions = JudgeOptions & { readonly output?: string };

async function signatures(session: Session, options: SignaturesOptions, text: string): Promise<void> {
  const { output } = session;
  const { request, decision, name, place } = await judgeTypedImage(session, text, options);
  const found = listSignatures(decision);
  const { rule } = decision;
  output.detail(`looked at ${place}`);
  if (found.length === 0) output.story(`${name} has no signatures`);
  const files = options.output === undefined ? [] : signatureFiles(request.evidence, decision);
  const allowed = allowedSigners(rule, request.policy, request.repository);
  if (options.output !== undefined) await writeSignatures(options.output, files, allowed);
  const now = new Date();
  output.result(
    {
      reference: name,
      digest: request.digest,
      rule: rule ?? null,
      signatures: found.map(signatureDocument),
      ...(options.output !== undefined && { files: files.map(({ name }) => name) }),
    },
    () =>
      tableLines(
        columns,
        found.map((signature) => signatureRow(signature, now)),
      ),
  );
  output.story(
    rule === undefined ? `no rule covers ${request.repository}` : `required: ${describeRule(rule)}`,
  );
  if (options.output !== undefined) output.story(...writtenLines(options.output, files, allowed));
}

/** Says what was written, and how one of it is verified. */
function writtenLines(folder: string, files: readonly SignatureFiles[], allowed: string): readonly Line[] {
  const written = `wrote ${countOf(files.length, 'signature')} to ${folder}`;
  const ids = new Set(allowed.split('\n').map((line) => line.split(' ', 1)[0]));
  const example = files.find(
    ({ sshSignature, identity }) => sshSignature !== undefined && ids.has(identity?.id),
  );
  if (example === undefined) return [written];
  const { name, identity } = example;
  return [
    `${written}; there, for example:`,
    `  ssh-keygen -Y verify -f allowed_signers -I ${identity?.id} -n ${sshSignatureNamespace} -s ${name}.sshsig < ${name}.payload`,
    `  openssl pkeyutl -verify -pubin -inkey ${name}.pub -rawin -in ${name}.payload -sigfile ${name}.sig`,
  ];
}

// Those that help others to count, and say how.
const partialCodes: ReadonlySet<string> = new Set(['MOVES_TAG', 'REFRESHES']);

const columns = ['signed by', 'states', 'signed', 'expires', 'counts'].map((title) => ({ title }));

function signatureRow(signature: ListedSignature, now: Date): readonly Line[] {
  const { identity, statement, isCounted, code, message } = signature;
  const age = (time: UnixTime | undefined, missing: string) =>
    time === undefined ? missing : formatAge(new Date(time * 1000), now);
  return [
    identity === undefined ? 'unknown' : bold(identity.name),
    statedOf(signature),
    statement === undefined ? '' : age(statement.issued, 'unknown'),
    statement === undefined ? '' : age(statement.expires, 'never'),
    isCounted ? green('yes') : `${partialCodes.has(code) ? '' : 'no: '}${message}`,
  ];
}

/** What was signed: a tag with its number, or no more than the digest. */
function statedOf({ statement }: ListedSignature): string {
  if (statement === undefined) return '';
  const { tag, sequence } = statement;
  if (tag === undefined) return 'digest';
  return sequence === undefined ? tag : `${tag} #${sequence}`;
}

function signatureDocument(signature: ListedSignature) {
  const { identity, key, statement, code, message, encodings, isCounted } = signature;
  const time = (value: UnixTime | undefined) => (value === undefined ? null : formatUnixTime(value));
  return {
    identity: identity?.id ?? null,
    name: identity?.name ?? null,
    key: key ?? null,
    encodings,
    isCounted,
    code,
    message,
    repository: statement?.repository ?? null,
    tag: statement?.tag ?? null,
    sequence: statement?.sequence ?? null,
    issued: time(statement?.issued),
    expires: time(statement?.expires),
    annotations: statement?.annotations ?? {},
  };
}
