import type { PublicKey } from '@img/sign/public-key';
import { quote } from '@img/spec/quote';
import { type Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { createKey, importKey } from '../keys/create-key.ts';
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
    showAdded(session, folder, await importKey(folder, parseKeyName(name), file, source));
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
  command.description('list your keys');
  addExamples(command, 'img key list');
  onRun(command, context, async ({ config, output }) => {
    const folder = new KeyFolder(config.keysFolder);
    const keys = await folder.list();
    if (keys.length === 0) output.story('no keys; make one with img key new NAME');
    output.result(
      keys.map((entry) => keyDocument(entry, folder)),
      () =>
        tableLines(
          [{ title: 'name' }, { title: 'fingerprint' }],
          keys.map(({ name, publicKey }) => [bold(name), publicKey.fingerprint]),
        ),
    );
  });
}

function configureShow(command: Command, context: CommandContext): void {
  command
    .description('show a public key in all its forms')
    .argument('<key>', 'the name of a key of yours, or the file of a public key');
  addExamples(command, 'img key show alice', 'img key show bob.pub');
  onRun(command, context, async ({ config, output }, _: object, key: string) => {
    const publicKey = await findPublicKey(key, config.keysFolder);
    const { fingerprint, algorithm } = publicKey;
    const document = { fingerprint, algorithm, pem: publicKey.toPem(), ssh: publicKey.toSshLine() };
    output.result(document, () => [
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
    .argument('<name>', 'the name of a key of yours')
    .option('--private', 'the private key, encrypted, in the format that cosign reads')
    .addOption(new Option('--format <format>', 'of the public key').choices(['pem', 'ssh']).default('pem'))
    .option('-o, --output <file>', 'a new file to write it to, instead of stdout');
  addExamples(command, 'img key export alice > alice.pub', 'img key export alice --private -o cosign.key');
  onRun(command, context, async ({ config, output }, options: ExportOptions, given: string) => {
    const folder = new KeyFolder(config.keysFolder);
    const name = parseKeyName(given);
    const isPrivate = options.private === true;
    const text = isPrivate
      ? await folder.privateKeyFile(name)
      : exported(await folder.publicKey(name), options);
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

function exported(publicKey: PublicKey, { format }: ExportOptions): string {
  return format === 'ssh' ? `${publicKey.toSshLine()}\n` : publicKey.toPem();
}

function keyDocument({ name, publicKey }: KeyEntry, folder: KeyFolder) {
  return {
    name,
    fingerprint: publicKey.fingerprint,
    algorithm: publicKey.algorithm,
    publicKeyFile: folder.publicKeyPath(name),
    privateKeyFile: folder.privateKeyPath(name),
  };
}
