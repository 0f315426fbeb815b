import test from 'ava';
import { CodedError } from './coded-error.ts';
import { SpecError } from './spec-error.ts';

test('CodedError carries code, message, hint and cause', (t) => {
  const cause = new Error('disk');
  const error = new SpecError('TAG_INVALID', 'tag is wrong', { hint: 'use another', cause });
  t.true(error instanceof CodedError && error instanceof Error);
  t.like(error, {
    name: 'SpecError',
    code: 'TAG_INVALID',
    message: 'tag is wrong',
    hint: 'use another',
    cause,
  });
});

test('CodedError without options has no hint and no own cause', (t) => {
  const error = new SpecError('TAG_INVALID', 'tag is wrong');
  t.is(error.hint, undefined);
  t.false('cause' in error);
});
