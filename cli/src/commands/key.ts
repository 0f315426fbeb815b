import type { PublicKey } from '@img/sign/public-key';
import { CodedError } from '@img/spec/coded-error';
import { quote } from '@img/spec/quote';
import { type Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { createKey, importKey } from '../keys/create-key.ts';
import { isAgentKeyName, type ListedAgentKey, listAgentKeys } from '../keys/find-agent-key.ts';
import { findPublicKey } from '../keys/find-public-key.ts';
import { type KeyEntry, KeyFolder } from '../keys/key-folder.ts';
import { parseKeyName } from '../keys/key-name.ts';
import { addPassphraseOption, type PassphraseOptions, passphraseSource } from '../keys/passphrase-option.ts';
import { tableLines } from '../output/table.ts';
import { bold } from '../output/text.ts';
import { writeNewFile } from '../write-new-file.ts';

export function configure(command: Command, context: CommandContext): void {
  configureNew(command.command('new'), context);
  configureList(command.command('list'), context);
  configureShow(command.command('show'), context);
  configureExport(command.command('export'), context);
  configureImport(command.command('import'), context);
}

function configureNew(command: Command, context: CommandContext): void {
  command.description('make an Ed25519 key, encrypted with a passphrase').argument('<name>', 'such as alice');
  addPassphraseOption(command);
  addExamples(command, 'img key new alice');
  onRun(command, context, async (session, options: PassphraseOptions, name: string) => {
    const folder = new KeyFolder(session.config.keysFolder);
    showAdded(
      session,
      folder,
      await createKey(folder, parseKeyName(name), passphraseSource(session, options)),
    );
  });
}

function configureImport(command: Command, context: CommandContext): void {
  command
    .description('store a private key of cosign or of openssl')
    .argument('<name>', 'what to call it here')
    .argument('<file>', 'encrypted as cosign writes it, or PKCS#8 in PEM');
  addPassphraseOption(command);
  addExamples(command, 'img key import alice cosign.key');
  onRun(command, context, async (session, options: PassphraseOptions, name: string, file: string) => {
    const folder = new KeyFolder(session.config.keysFolder);
    const source = passphraseSource(session, options);
    const entry = await importKey(folder, parseKeyName(name), file, source);
    showAdded(session, folder, entry);
    if (entry.publicKey.algorithm === 'ed25519') return;
    session.output.story('img verifies with keys of this kind, and signs with Ed25519 only: img key new');
  });
}

function showAdded({ output }: Session, folder: KeyFolder, entry: KeyEntry): void {
  const document = keyDocument(entry, folder);
  output.result(document, () => [[bold(entry.name), '  ', entry.publicKey.fingerprint]]);
  output.story(
    `public key:  ${document.publicKeyFile}  (for everybody who should trust you)`,
    `private key: ${document.privateKeyFile}  (keep a copy in a safe place; nobody can make it again)`,
  );
}

function configureList(command: Command, context: CommandContext): void {
  command.description('list your keys, also those of the SSH agent that can sign images');
  addExamples(command, 'img key list');
  onRun(command, context, async (session) => {
    const { output } = session;
    const keys = await listKeys(session);
    if (keys.length === 0) output.story('no keys; make one with img key new NAME');
    output.result(keys, () =>
      tableLines(
        [{ title: 'name' }, { title: 'fingerprint' }],
        keys.map(({ name, fingerprint }) => [bold(name), fingerprint]),
      ),
    );
  });
}

async function listKeys({ config, environment, output, signal }: Session): Promise<readonly KeyDocument[]> {
  const folder = new KeyFolder(config.keysFolder);
  const stored = (await folder.list()).map((entry) => keyDocument(entry, folder));
  try {
    return [...stored, ...(await listAgentKeys(environment, { signal })).map(agentKeyDocument)];
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CodedError)) throw error;
    output.story(`without the keys of the SSH agent: ${error.message}`);
    return stored;
  }
}

function configureShow(command: Command, context: CommandContext): void {
  command
    .description('show a public key in all its forms')
    .argument(
      '<key>',
      'the name of a key of yours, the file of a public key, or ssh:NAME for one of the SSH agent',
    );
  addExamples(command, 'img key show alice', 'img key show bob.pub');
  onRun(command, context, async (session, _: object, key: string) => {
    const publicKey = await findPublicKey(key, session);
    const { fingerprint, algorithm } = publicKey;
    const document = { fingerprint, algorithm, pem: publicKey.toPem(), ssh: publicKey.toSshLine() };
    session.output.result(document, () => [
      [bold(fingerprint), `  ${algorithm}`],
      publicKey.toSshLine(),
      ...publicKey.toPem().trimEnd().split('\n'),
    ]);
  });
}

type ExportOptions = { readonly private?: boolean; readonly format: 'pem' | 'ssh'; readonly output?: string };

function configureExport(command: Command, context: CommandContext): void {
  command
    .description('write a key for other programs')
    .argument('<name>', 'the name of a key of yours, or ssh:NAME for one of the SSH agent')
    .option('--private', 'the private key, encrypted, in the format that cosign reads')
    .addOption(new Option('--format <format>', 'of the public key').choices(['pem', 'ssh']).default('pem'))
    .option('-o, --output <file>', 'a new file to write it to, instead of stdout');
  addExamples(command, 'img key export alice > alice.pub', 'img key export alice --private -o cosign.key');
  onRun(command, context, async (session, options: ExportOptions, name: string) => {
    const { output } = session;
    const isPrivate = options.private === true;
    const text = isPrivate
      ? await privateKeyFile(session, name)
      : exported(await findPublicKey(namedKey(name), session), options);
    if (options.output === undefined) {
      output.result({ name, key: text }, () => text.trimEnd().split('\n'));
      return;
    }
    if (!(await writeNewFile(options.output, text, isPrivate ? 0o600 : 0o644))) {
      throw new CliError('FILE_EXISTS', `there is already a file ${quote(options.output)}`, {
        hint: 'a key is never overwritten; choose another name',
      });
    }
    output.result({ name, file: options.output }, () => [options.output ?? '']);
  });
}

/** Not the file of a key: that would be a copy. */
function namedKey(name: string): string {
  return isAgentKeyName(name) ? name : parseKeyName(name);
}

async function privateKeyFile({ config }: Session, name: string): Promise<string> {
  if (!isAgentKeyName(name)) return await new KeyFolder(config.keysFolder).privateKeyFile(parseKeyName(name));
  throw new CliError('KEY_UNSUITABLE', `private key ${quote(name)} can't be had: an SSH agent only signs`, {
    hint: 'leave out --private for the public key',
  });
}

function exported(publicKey: PublicKey, { format }: ExportOptions): string {
  return format === 'ssh' ? `${publicKey.toSshLine()}\n` : publicKey.toPem();
}

type KeyDocument = {
  readonly name: string;
  readonly fingerprint: string;
  readonly algorithm: string;
  /** Null for a key of the SSH agent. */
  readonly publicKeyFile: string | null;
  readonly privateKeyFile: string | null;
};

function keyDocument({ name, publicKey }: KeyEntry, folder: KeyFolder): KeyDocument {
  const { fingerprint, algorithm } = publicKey;
  const [publicKeyFile, privateKeyFile] = [folder.publicKeyPath(name), folder.privateKeyPath(name)];
  return { name, fingerprint, algorithm, publicKeyFile, privateKeyFile };
}

function agentKeyDocument({ name, publicKey }: ListedAgentKey): KeyDocument {
  const { fingerprint, algorithm } = publicKey;
  return { name, fingerprint, algorithm, publicKeyFile: null, privateKeyFile: null };
}
