import test from 'ava';
import { systemUserFiles, withSystemUsers } from './system-users.ts';

const passwd = 'root:*:0:0:root:/root:/bin/bash\n';
const group = 'root:*:0:\nadm:*:4:syslog\nnogroup:*:65534:\n';
const nologin = '/usr/sbin/nologin';

const lines = (text: string) => text.split('\n').filter((line) => line !== '');
const added = (files: readonly string[]) => {
  const made = withSystemUsers({ passwd, group }, files);
  const isNew = (line: string) => !lines(passwd).includes(line) && !lines(group).includes(line);
  return [...lines(made.passwd), ...lines(made.group)].filter(isNew);
};

// Most are lines of Debian 13's packages.
const wishes: readonly [why: string, text: string, expected: readonly string[]][] = [
  [
    'a user has the group of its name',
    'u varnish - "Varnish Cache" /nonexistent',
    [`varnish:*:426:426:Varnish Cache:/nonexistent:${nologin}`, 'varnish:*:426:'],
  ],
  [
    'a user may belong to a group that is there',
    'u sshd -:nogroup "sshd user" /run/sshd',
    [`sshd:*:164:65534:sshd user:/run/sshd:${nologin}`],
  ],
  [
    'a user may belong to a group that another line makes, in whatever order',
    'u vcache -:varnish\nu varnish',
    [`varnish:*:426:426::/:${nologin}`, `vcache:*:476:426::/:${nologin}`, 'varnish:*:426:'],
  ],
  [
    'a group that nobody makes is made',
    'u _cron-failure -:systemd-journal - /nonexistent',
    [`_cron-failure:*:750:696::/nonexistent:${nologin}`, 'systemd-journal:*:696:'],
  ],
  ['a number is taken', 'u! slurm 64030', [`slurm:*:64030:64030::/:${nologin}`, 'slurm:*:64030:']],
  ['numbers of a user and a group are taken', 'u web 200:4', [`web:*:200:4::/:${nologin}`]],
  ["a number that somebody has is no one else's", 'u a 0', [`a:*:210:210::/:${nologin}`, 'a:*:210:']],
  ['a number has no zeros before it', 'u a 00', [`a:*:210:210::/:${nologin}`, 'a:*:210:']],
  ['groups stand alone', '# for udev\ng input  -\n\ng kvm 78', ['kvm:*:78:', 'input:*:999:']],
  [
    'columns, tabs and a shell are read',
    'u\ttomcat   -   "Apache Tomcat"   /var/lib/tomcat  /bin/sh',
    ['tomcat:*:207:207:Apache Tomcat:/var/lib/tomcat:/bin/sh', 'tomcat:*:207:'],
  ],
  [
    'members are added to groups, each once',
    'u geekotest - - - /bin/bash\nm geekotest adm\nm geekotest adm',
    ['geekotest:*:975:975::/:/bin/bash', 'adm:*:4:syslog,geekotest', 'geekotest:*:975:'],
  ],
  ['the owner of a file is not asked', 'u log /var/log/x', [`log:*:520:520::/:${nologin}`, 'log:*:520:']],
  ['quotes may be in quotes', 'u q 300 "a \\"b\\""', [`q:*:300:300:a "b":/:${nologin}`, 'q:*:300:']],
  [
    'of two lines for a name, the first counts',
    'u b 300 - /first\nu b 301 - /second\nu b 300 - /third',
    [`b:*:300:300::/first:${nologin}`, 'b:*:300:'],
  ],
  [
    'a group that is neither name nor number is not taken',
    'u c 300:a.b',
    [`c:*:300:300::/:${nologin}`, 'c:*:300:'],
  ],
  ['what is there stays', 'u root 7 "other" /other\ng adm 7', []],
  ['ranges of numbers and other types are passed over', 'r - 500-900\nx y\nu', []],
  ['a name that would be two fields is passed over', 'u a:b 7\nm a b:c', []],
  [
    'a field that would be two is left empty',
    'u q 300 "a:b" /c\u0001d',
    [`q:*:300:300::/:${nologin}`, 'q:*:300:'],
  ],
];

for (const [why, text, expected] of wishes) {
  test(`withSystemUsers(): ${why}`, (t) => t.deepEqual(added([text]), expected));
}

test('withSystemUsers() gives a name the same number whatever else is in the image', (t) => {
  const of = (name: string, files: readonly string[]) => {
    return added(files).find((line) => line.startsWith(`${name}:`));
  };
  const alone = of('redis', ['u redis']);
  t.is(of('redis', ['u aaa\nu zzz', 'u redis']), alone);
  t.is(of('redis', ['u redis', 'g mmm']), alone);
});

test('withSystemUsers() gives no number twice', (t) => {
  const names = Array.from({ length: 600 }, (_, index) => `service-${index}`);
  const { passwd: made } = withSystemUsers({ passwd, group }, [names.map((name) => `u ${name}`).join('\n')]);
  const numbers = lines(made).map((line) => Number(line.split(':')[2]));
  t.is(new Set(numbers).size, 601);
  t.true(numbers.every((number) => number === 0 || (number >= 100 && number < 1000)));
});

test('withSystemUsers() leaves the files alone where no package asks for anything', (t) => {
  const odd = { passwd: '# comment\n\nroot:*:0:0:::', group: '' };
  t.deepEqual(withSystemUsers(odd, ['# nothing\n']), odd);
});

test('systemUserFiles are those of packages', (t) => {
  t.regex('usr/lib/sysusers.d/dbus.conf', systemUserFiles);
  t.notRegex('usr/lib/sysusers.d/README', systemUserFiles);
  t.notRegex('etc/sysusers.d/dbus.conf', systemUserFiles);
});
