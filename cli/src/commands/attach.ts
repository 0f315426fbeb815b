import { attachToContainer, resizeTerminal } from '@img/runtime/containers/attach-to-container';
import { findRunningContainer } from '@img/runtime/containers/find-container';
import { waitForEnd } from '@img/runtime/containers/wait-for-end';
import type { RunningContainer } from '@img/runtime/state/container';
import { readContainerSettings } from '@img/runtime/state/container-settings';
import type { RunState } from '@img/runtime/state/run-state';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { DetachKeys } from '../terminal/detach-keys.ts';

type CommandLine = { readonly input?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<container>', 'a name, an id, or how an id begins')
    .option('--no-input', 'only look: nothing that is typed is passed on');
  command.addHelpText(
    'after',
    '\nShows what the app writes from now on; img logs has what it wrote before. What is typed is passed on if the app was\n' +
      'started with --interactive or --tty. Control-P and then control-Q let go of an app that has a terminal, control-C\n' +
      'of one that has none: it runs on. Ends with the app, with its exit code.',
  );
  addExamples(command, 'img run --detach -it --name box com.example.app /bin/sh', 'img attach box');
  onRun(command, context, attach);
}

async function attach(session: Session, line: CommandLine, name: string): Promise<void> {
  const { output, signal, setExitCode } = session;
  await using host = await openHost(session);
  const container = findRunningContainer(host.state, name);
  const settings = readContainerSettings(host.state.settingsFile(container.id));
  const hasTerminal = settings?.hasTerminal === true;
  const letGo = new AbortController();
  const patience = { signal: AbortSignal.any([signal, letGo.signal]) };
  const isRead = line.input !== false && (hasTerminal || settings?.isInteractive === true);
  using _terminal = hasTerminal ? new OuterTerminal(host.state, container, isRead) : undefined;
  const input = isRead ? { input: typed(letGo, hasTerminal) } : {};
  try {
    const [exitCode] = await Promise.all([
      waitForEnd(host.state, container, patience),
      attachToContainer(host.state, container, { ...input, ...patience, onOutput: output.pass.bind(output) }),
    ]);
    setExitCode(exitCode);
  } catch (error) {
    if (!letGo.signal.aborted || signal.aborted) throw error;
    output.remark(`let go: ${name} runs on`);
  } finally {
    letGo.abort();
  }
}

/** What is typed, until the user lets go of the app. */
async function* typed(letGo: AbortController, hasTerminal: boolean): AsyncGenerator<Uint8Array> {
  const keys = hasTerminal && process.stdin.isTTY ? new DetachKeys() : undefined;
  // Left open, because its terminal is still to be put back.
  const pieces = process.stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  for await (const bytes of pieces) {
    const passed = keys === undefined ? bytes : keys.pass(bytes);
    if (passed === undefined) {
      letGo.abort();
      return;
    }
    yield passed;
  }
}

/** The terminal of the user, if there is one, as long as it stands for that of the app. */
class OuterTerminal implements Disposable {
  readonly #isRaw: boolean;
  readonly #tellSize: () => void;

  constructor(state: RunState, container: RunningContainer, isRead: boolean) {
    const { stdin, stdout } = process;
    this.#tellSize = () => {
      const { columns, rows } = stdout;
      if (columns > 0 && rows > 0) resizeTerminal(state, container, { columns, rows });
    };
    this.#isRaw = isRead && stdin.isTTY;
    // Each key reaches the app, which says what is shown of it.
    if (this.#isRaw) stdin.setRawMode(true);
    if (!stdout.isTTY) return;
    stdout.on('resize', this.#tellSize);
    this.#tellSize();
  }

  [Symbol.dispose](): void {
    process.stdout.off('resize', this.#tellSize);
    if (this.#isRaw) process.stdin.setRawMode(false);
  }
}
