import test from 'ava';
import {
  isProtocolErrorCode,
  ProtocolError,
  type ProtocolErrorCode,
  protocolErrors,
} from './protocol-error.ts';

test('protocolErrors are the 14 of distribution-spec', (t) => {
  t.deepEqual(Object.keys(protocolErrors), [
    'BLOB_UNKNOWN',
    'BLOB_UPLOAD_INVALID',
    'BLOB_UPLOAD_UNKNOWN',
    'DIGEST_INVALID',
    'MANIFEST_BLOB_UNKNOWN',
    'MANIFEST_INVALID',
    'MANIFEST_UNKNOWN',
    'NAME_INVALID',
    'NAME_UNKNOWN',
    'SIZE_INVALID',
    'UNAUTHORIZED',
    'DENIED',
    'UNSUPPORTED',
    'TOOMANYREQUESTS',
  ]);
  for (const { status } of Object.values(protocolErrors)) t.true(status >= 400 && status < 500);
});

test('ProtocolError has the usual status and message of its code', (t) => {
  for (const code of Object.keys(protocolErrors) as ProtocolErrorCode[]) {
    const error = new ProtocolError(code);
    t.like(error, { name: 'ProtocolError', code, ...protocolErrors[code], headers: {} });
    t.deepEqual(JSON.parse(error.body()), { errors: [{ code, message: error.message }] });
  }
});

test('ProtocolError carries what the request makes different', (t) => {
  const cause = new Error('disk');
  const error = new ProtocolError('MANIFEST_INVALID', 'manifest is longer than 4 MiB', {
    status: 413,
    detail: { maxBytes: 4_194_304 },
    headers: { 'Retry-After': '1' },
    cause,
  });
  t.like(error, { status: 413, cause, headers: { 'Retry-After': '1' } });
  t.deepEqual(JSON.parse(error.body()), {
    errors: [
      { code: 'MANIFEST_INVALID', message: 'manifest is longer than 4 MiB', detail: { maxBytes: 4_194_304 } },
    ],
  });
});

test('isProtocolErrorCode() knows the codes only', (t) => {
  t.true(isProtocolErrorCode('DENIED'));
  for (const text of ['', 'denied', 'toString', '__proto__']) t.false(isProtocolErrorCode(text), text);
});
