import { constants } from 'node:os';
import { CliError } from './cli-error.ts';
import { currentEnvironment } from './environment.ts';
import { runProgram } from './program.ts';

const controller = new AbortController();
let stoppedBy: 'SIGINT' | 'SIGTERM' | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Whoever asks twice doesn't want to wait for the cleaning up.
    if (stoppedBy !== undefined) process.exit(128 + constants.signals[signal]);
    stoppedBy = signal;
    controller.abort(new CliError('CANCELLED', `stopped by ${signal}`));
  });
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough, for example head; results come last, so nothing is left undone.
    if (error.code !== 'EPIPE') throw error;
    if (stream === process.stdout) process.exit();
  });
}

// Not waiting at the top of the module: in a bundle of CommonJS nothing can.
void runProgram(process.argv.slice(2), {
  environment: currentEnvironment(),
  streams: { stdout: process.stdout, stderr: process.stderr },
  signal: controller.signal,
}).then((exitCode) => {
  // Not waiting for what is only kept open in case of a next request, such as connections.
  process.exit(exitCode !== 0 && stoppedBy !== undefined ? 128 + constants.signals[stoppedBy] : exitCode);
});
