import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { BlobStoreError } from '../blob-store-error.ts';
import { findS3Credentials } from './s3-credentials.ts';
import { parseS3Location } from './s3-location.ts';

test('parseS3Location() knows where Amazon has a bucket', (t) => {
  t.deepEqual(parseS3Location('s3://images?region=eu-central-1'), {
    bucket: 'images',
    prefix: '',
    endpoint: new URL('https://s3.eu-central-1.amazonaws.com'),
    region: 'eu-central-1',
    isPathStyle: false,
    caFile: undefined,
    isRedirecting: false,
    publicEndpoint: undefined,
  });
});

test('parseS3Location() takes every setting of another storage', (t) => {
  const text =
    's3://images/of/us/?endpoint=http://10.0.0.1:9000&region=here&path-style=false&ca=/etc/ca.pem&redirect=false&public-endpoint=https://s3.example.com';
  t.deepEqual(parseS3Location(text), {
    bucket: 'images',
    prefix: 'of/us/',
    endpoint: new URL('http://10.0.0.1:9000'),
    region: 'here',
    isPathStyle: false,
    caFile: '/etc/ca.pem',
    isRedirecting: false,
    publicEndpoint: new URL('https://s3.example.com'),
  });
  t.true(parseS3Location('s3://images?endpoint=http://10.0.0.1:9000').isPathStyle);
  t.true(parseS3Location('s3://images?public-endpoint=https://s3.example.com').isRedirecting);
});

test('parseS3Location() refuses what it would misunderstand', (t) => {
  const cases = [
    ['', /like s3:\/\/bucket/, 'nothing'],
    ['/var/lib/images', /like s3:\/\/bucket/, 'a folder'],
    ['https://images.s3.amazonaws.com/', /like s3:\/\/bucket/, 'another protocol'],
    ['s3://key:secret@images', /the bucket should/, 'credentials, which belong elsewhere'],
    ['s3://Images', /the bucket should/, 'upper case'],
    ['s3://im', /the bucket should/, 'too short'],
    ['s3://images/../other', /can't have names/, 'a way up'],
    ['s3://images/a//b', /can't have names/, 'an empty segment'],
    ['s3://images/ä', /can't have names/, 'a letter that some storages encode in their own way'],
    ['s3://images?secret=x', /no parameter "secret"/, 'a parameter that there is not'],
    ['s3://images?region=a&region=b', /region twice/, 'two answers'],
    ['s3://images?ca=', /ca of the storage is empty/, 'no value'],
    ['s3://images?region=a%20b', /no region/, 'a space'],
    ['s3://images?endpoint=s3.example.com', /endpoint should be like/, 'no protocol'],
    ['s3://images?endpoint=ftp://s3.example.com', /endpoint should be like/, 'another protocol'],
    ['s3://images?endpoint=https://s3.example.com/images', /endpoint should be like/, 'a path'],
    ['s3://images?endpoint=https://key@s3.example.com', /endpoint should be like/, 'a user'],
    ['s3://images?public-endpoint=x', /public-endpoint should be like/, 'no URL'],
    ['s3://images?path-style=yes', /path-style should be true or false/, 'another word'],
    ['s3://images#x', /like s3:\/\/bucket/, 'a fragment'],
  ] as const;
  for (const [text, message, reason] of cases) {
    const error = t.throws(() => parseS3Location(text), { instanceOf: BlobStoreError, message }, reason);
    t.is(error?.code, 'LOCATION_INVALID', reason);
  }
});

test('findS3Credentials() prefers the variables, then the section of a file', async (t) => {
  const home = temporaryFolder(t);
  const file = join(home, 'credentials');
  const variables = { AWS_SHARED_CREDENTIALS_FILE: file };
  await writeFile(
    file,
    `# comment
[default]
aws_access_key_id = first
aws_secret_access_key=one=1
[ other ]
 aws_access_key_id=second
aws_secret_access_key =  two
aws_session_token = token
`,
  );
  const found = (more = {}) => findS3Credentials({ ...variables, ...more }, home);
  t.deepEqual(await found(), { accessKey: 'first', secretKey: 'one=1', sessionToken: undefined });
  t.deepEqual(await found({ AWS_PROFILE: 'other' }), {
    accessKey: 'second',
    secretKey: 'two',
    sessionToken: 'token',
  });
  t.deepEqual(await found({ AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y' }), {
    accessKey: 'x',
    secretKey: 'y',
    sessionToken: undefined,
  });
  t.like(await found({ AWS_ACCESS_KEY_ID: 'x' }), { accessKey: 'first' }, 'half of them is none');
});

test('findS3Credentials() says where it looked', async (t) => {
  const home = temporaryFolder(t);
  const missing = await t.throwsAsync(findS3Credentials({}, home), { instanceOf: BlobStoreError });
  t.true(missing?.message.includes(`there is no ${home}/.aws/credentials`), missing?.message);
  const file = join(home, 'credentials');
  await writeFile(file, '[default]\naws_access_key_id = secret-looking\n');
  const variables = { AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: 'team' };
  const empty = await t.throwsAsync(findS3Credentials(variables, home), { instanceOf: BlobStoreError });
  t.true(empty?.message.includes(`${file} has none in its section "team"`), empty?.message);
  t.false(empty?.message.includes('secret-looking'));
});
