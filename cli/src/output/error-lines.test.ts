import { readFileSync } from 'node:fs';
import { SpecError } from '@img/spec/spec-error';
import test from 'ava';
import { CliError } from '../cli-error.ts';
import { errorDocument, errorLines } from './error-lines.ts';
import { renderLine } from './text.ts';

function rendered(error: unknown, verbose = false): string[] {
  return errorLines(error, { verbose }).map((line) => renderLine(line, { color: false }));
}

test('errorLines() tells message and hint of an error of ours', (t) => {
  t.deepEqual(rendered(new CliError('USAGE', 'tag "a b" is wrong', { hint: 'use another' })), [
    'img: tag "a b" is wrong',
    '     hint: use another',
  ]);
  t.deepEqual(rendered(new CliError('USAGE', 'wrong')), ['img: wrong']);
});

test('errorLines() keeps the lines of a message that lists several faults', (t) => {
  t.deepEqual(rendered(new CliError('CONFIG_INVALID', 'a:1:1: x\na:2:1: y')), [
    'img: a:1:1: x',
    '     a:2:1: y',
  ]);
});

test('errorLines() tells what led to an error only when verbose', (t) => {
  const error = new CliError('USAGE', 'outer', {
    cause: new SpecError('TAG_INVALID', 'middle', { cause: new RangeError('inner\u001b[2J') }),
  });
  t.deepEqual(rendered(error), ['img: outer']);
  t.deepEqual(rendered(error, true), [
    'img: outer',
    '     because: middle (TAG_INVALID)',
    '     because: unexpected error: RangeError: inner\\u001b[2J',
  ]);
});

test('errorLines() ends a chain of causes that goes round', (t) => {
  const error = new CliError('USAGE', 'x');
  error.cause = error;
  t.is(rendered(error, true).length, 11);
});

test("errorLines() puts a system's error into words", (t) => {
  const error = t.throws(() => readFileSync('/nowhere/at all'));
  t.deepEqual(rendered(error), [`img: can't open "/nowhere/at all": no such file or directory`]);
  const inUse = Object.assign(new Error('x'), {
    code: 'EADDRINUSE',
    errno: -98,
    syscall: 'listen',
    address: '127.0.0.1',
    port: 5000,
  });
  t.deepEqual(rendered(inUse), [
    `img: can't listen "127.0.0.1:5000": address already in use`,
    '     hint: another program listens there; stop it or choose another address',
  ]);
});

test('errorDocument() says the same as errorLines(), with a code', (t) => {
  const full = Object.assign(new Error('x'), { code: 'ENOSPC', errno: -28, syscall: 'write' });
  t.deepEqual(errorDocument(full), {
    code: 'ENOSPC',
    message: "can't write: no space left on device",
    hint: 'make room on the disk, then run the command again',
  });
  t.deepEqual(errorDocument(new CliError('USAGE', 'x', { hint: 'y' })), {
    code: 'USAGE',
    message: 'x',
    hint: 'y',
  });
  t.like(errorDocument(new TypeError('x')), {
    code: 'UNEXPECTED',
    message: 'unexpected error: TypeError: x',
  });
});

test('errorLines() admits a fault of img, with the stack only when verbose', (t) => {
  const error = new TypeError('x is not a function');
  t.deepEqual(rendered(error), [
    'img: unexpected error: TypeError: x is not a function',
    '     hint: this is a fault of img; please report it with what --verbose prints',
  ]);
  t.regex(rendered(error, true)[2] ?? '', /^ {4}at /);
  t.is(rendered('text\n')[0], 'img: unexpected error: "text\\n"');
});
