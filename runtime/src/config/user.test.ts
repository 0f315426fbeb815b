import test from 'ava';
import { resolveUser } from './user.ts';

const encode = (text: string) => new TextEncoder().encode(text);

const database = {
  passwd: encode(
    [
      'root:x:0:0:root:/root:/bin/sh',
      'app:x:1000:100:App:/home/app:/bin/sh',
      'app:x:0:0:second of this name:/root:/bin/sh',
      'crlf:x:1001:1001::/home/crlf:/bin/sh\r',
      'short:x:1002:1002',
      'negative:x:-1:0::/:',
      'huge:x:4294967296:0::/:',
      'word:x:root:0::/:',
      'few:x:1',
      '# comment:x:5:5::/:',
      '+::::::',
      '+nis:x:6:6::/:',
      ':x:7:7:nameless:/:',
      '4294967296:x:0:0:a name like a number:/:',
      '1234:x:0:0:a name like a number:/:',
      '-1:x:0:0:a name like a number:/:',
      'nohome:x:1003:1003:::',
    ].join('\n'),
  ),
  group: encode(
    [
      'root:x:0:',
      'users:x:100:app',
      'video:x:44:other,app',
      'audio:x:29:app,app',
      'audio2:x:29:app',
      'crlf:x:45:crlf\r',
      'application:x:46:app2,xapp',
      'negative:x:-5:app',
      'huge:x:2147483648:app',
      '+:x::app',
    ].join('\n'),
  ),
};

type Expected = { uid: number; gid: number; additionalGids: number[]; home: string };
// The group is always among the additional ones, or a process could shake it off (CVE-2022-36109).
const user = (uid: number, gid: number, home: string, ...others: number[]): Expected => ({
  uid,
  gid,
  additionalGids: [gid, ...others],
  home,
});

for (const [text, expected, reason] of [
  ['', user(0, 0, '/root'), 'no user is root, with the home that the image gives it'],
  ['root', user(0, 0, '/root'), 'root by name'],
  ['app', user(1000, 100, '/home/app', 29, 44), 'additional groups for a name without group, each once'],
  ['app:video', user(1000, 44, '/home/app'), 'no additional groups when a group is given'],
  ['app:44', user(1000, 44, '/home/app'), 'a name with a numeric group'],
  ['app:5000', user(1000, 5000, '/home/app'), 'a numeric group needs no entry'],
  [
    '1000',
    user(1000, 100, '/home/app'),
    'group and home of the account, but no additional groups for a number',
  ],
  ['1000:video', user(1000, 44, '/home/app'), 'a number with a named group'],
  ['4000', user(4000, 0, '/'), 'an unknown number is taken as it is, with group 0'],
  ['4000:4001', user(4000, 4001, '/'), 'numbers verbatim'],
  ['0:0', user(0, 0, '/root'), 'root by number'],
  ['2147483647', user(2147483647, 0, '/'), 'the largest id'],
  ['1234', user(1234, 0, '/'), 'a number is never looked up as a name'],
  ['crlf', user(1001, 1001, '/home/crlf', 45), 'CRLF line ends in passwd and group'],
  ['short', user(1002, 1002, '/'), 'missing trailing fields'],
  ['nohome', user(1003, 1003, '/'), 'an empty home is /'],
  ['00', user(0, 0, '/root'), 'leading zeros are decimal'],
] as const) {
  test(`resolveUser() of ${JSON.stringify(text)}: ${reason}`, (t) => {
    t.deepEqual(resolveUser(text, database) as unknown, expected);
  });
}

for (const [text, code, reason] of [
  ['2147483648', 'USER_INVALID', 'past 2^31-1 wraps around in some places'],
  ['4294967296', 'USER_INVALID', 'past 32 bits it would be root (CVE-2024-40635)'],
  ['4294967295', 'USER_INVALID', 'is -1 and means "do not change"'],
  ['99999999999999999999', 'USER_INVALID', 'past 64 bits, must not become a name (CVE-2026-46680)'],
  ['-1', 'USER_INVALID', 'a negative number is no name, though passwd has it'],
  ['+1', 'USER_INVALID', 'a sign'],
  [' 1', 'USER_INVALID', 'a space'],
  ['app:4294967296', 'USER_INVALID', 'group past 32 bits'],
  ['app:-1', 'USER_INVALID', 'negative group'],
  [':', 'USER_INVALID', 'nothing on either side'],
  [':users', 'USER_INVALID', 'group without user'],
  ['app:', 'USER_INVALID', 'user with an empty group'],
  ['app:users:more', 'USER_INVALID', 'three parts'],
  ['nobody', 'USER_UNKNOWN', 'no such name'],
  ['negative', 'USER_UNKNOWN', 'its line has a negative id'],
  ['huge', 'USER_UNKNOWN', 'its line has an id past 32 bits'],
  ['word', 'USER_UNKNOWN', 'its line has a word for an id'],
  ['few', 'USER_UNKNOWN', 'its line has too few fields'],
  ['+nis', 'USER_UNKNOWN', 'NIS lines are no accounts'],
  ['+', 'USER_UNKNOWN', 'NIS lines are no accounts'],
  ['# comment', 'USER_UNKNOWN', 'comments are no accounts'],
  ['0x0', 'USER_UNKNOWN', 'only decimal numbers are numbers'],
  ['1e3', 'USER_UNKNOWN', 'only decimal numbers are numbers'],
  ['app:nogroup', 'GROUP_UNKNOWN', 'no such group'],
  ['app:negative', 'GROUP_UNKNOWN', 'its line has a negative id'],
  ['app:huge', 'GROUP_UNKNOWN', 'its line has an id past 2^31-1'],
] as const) {
  test(`resolveUser() refuses ${JSON.stringify(text)}: ${reason}`, (t) => {
    const error = t.throws(() => resolveUser(text, database), { name: 'RuntimeError', code });
    t.true(error.message.includes(JSON.stringify(code === 'GROUP_UNKNOWN' ? text.split(':')[1] : text)));
  });
}

test('resolveUser() without passwd and group files knows numbers only', (t) => {
  const none = { passwd: undefined, group: undefined };
  t.deepEqual(resolveUser('', none) as unknown, user(0, 0, '/'));
  t.deepEqual(resolveUser('7:8', none) as unknown, user(7, 8, '/'));
  t.throws(() => resolveUser('app', none), { code: 'USER_UNKNOWN', message: /which does not exist/ });
  t.throws(() => resolveUser('7:app', none), { code: 'GROUP_UNKNOWN', message: /which does not exist/ });
});
