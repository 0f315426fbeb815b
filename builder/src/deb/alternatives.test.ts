import test from 'ava';
import { readAlternatives } from './alternatives.ts';

const one = (name: string, link: string, path: string, priority: number, slaves: unknown[] = []) => ({
  name,
  link,
  path,
  priority,
  slaves,
});

// Shortened from the postinst scripts of the Debian packages named.
const scripts: readonly [why: string, script: string, expected: unknown][] = [
  [
    'one line (nano)',
    'update-alternatives --install /usr/bin/editor editor /bin/nano 40',
    [one('editor', '/usr/bin/editor', '/bin/nano', 40)],
  ],
  [
    'lines that go on, with slaves (mawk)',
    `if [ "$1" = "configure" ]; then
        update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \\
            --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \\
            --slave /usr/bin/nawk nawk /usr/bin/mawk
    fi`,
    [
      one('awk', '/usr/bin/awk', '/usr/bin/mawk', 5, [
        { link: '/usr/share/man/man1/awk.1.gz', name: 'awk.1.gz', path: '/usr/share/man/man1/mawk.1.gz' },
        { link: '/usr/bin/nawk', name: 'nawk', path: '/usr/bin/mawk' },
      ]),
    ],
  ],
  [
    'a loop over words with braces (php8.2-cli)',
    `for binary in php phar.phar; do
        update-alternatives \\
	    --install /usr/bin/\${binary} \${binary} /usr/bin/\${binary}8.2 82
    done`,
    [
      one('php', '/usr/bin/php', '/usr/bin/php8.2', 82),
      one('phar.phar', '/usr/bin/phar.phar', '/usr/bin/phar.phar8.2', 82),
    ],
  ],
  [
    'a loop over a variable, and unknown words at the end (openjdk)',
    `priority=1711
basedir=/usr/lib/jvm/java-17-openjdk-amd64
jre_tools='java keytool'
priority=$(expr $priority - 1)
for i in $jre_tools; do
  unset slave1 || true
  update-alternatives --install /usr/bin/$i $i $basedir/bin/$i $priority \\
    $slave1 $slave2
done`,
    [
      one('java', '/usr/bin/java', '/usr/lib/jvm/java-17-openjdk-amd64/bin/java', 1711),
      one('keytool', '/usr/bin/keytool', '/usr/lib/jvm/java-17-openjdk-amd64/bin/keytool', 1711),
    ],
  ],
  [
    'loops in loops',
    'for a in 1 2; do for b in x y; do update-alternatives --install /$a/$b $a$b /l/$a$b 1; done; done',
    [
      one('1x', '/1/x', '/l/1x', 1),
      one('1y', '/1/y', '/l/1y', 1),
      one('2x', '/2/x', '/l/2x', 1),
      one('2y', '/2/y', '/l/2y', 1),
    ],
  ],
  [
    'quotes, and a condition before it (mariadb-common)',
    'if ! update-alternatives --query x && true; then update-alternatives --install "/etc/my.cnf" my.cnf \'/etc/m.cnf\' 500 || true; fi',
    [one('my.cnf', '/etc/my.cnf', '/etc/m.cnf', 500)],
  ],
  [
    'a negative priority (ed)',
    'update-alternatives --install /usr/bin/editor editor /bin/ed -100',
    [one('editor', '/usr/bin/editor', '/bin/ed', -100)],
  ],
  ['--quiet before it', 'update-alternatives --quiet --install /a a /b 1', [one('a', '/a', '/b', 1)]],
  ['a comment (ucf)', '# update-alternatives --install /usr/bin/program program /usr/bin/alternative 50', []],
  ['other commands of it', 'update-alternatives --remove rename /usr/bin/prename', []],
  [
    'the arguments of a function, which are not known (procps)',
    'f() { update-alternatives --install "$2"/"$1" "$1" "$2"/"$1".procps 50; }',
    [],
  ],
  ['the output of a command', 'update-alternatives --install /usr/bin/x x $(find /) 1', []],
  ['a priority that is no number', 'update-alternatives --install /a a /b high', []],
  ['a path that leads elsewhere', 'update-alternatives --install /usr/../../a a /b 1', []],
  ['a relative path', 'update-alternatives --install a a b 1', []],
  ['a name that is a path', 'update-alternatives --install /a ../../etc/passwd /b 1', []],
  ['a command cut short', 'update-alternatives --install /a', []],
  [
    'a loop without an end',
    'for a in 1; do update-alternatives --install /a a /b 1',
    [one('a', '/a', '/b', 1)],
  ],
  ['nothing', '', []],
];

for (const [why, script, expected] of scripts) {
  test(`readAlternatives(): ${why}`, (t) => t.deepEqual(readAlternatives(script) as unknown, expected));
}

test('readAlternatives() ends soon on loops that multiply', (t) => {
  const loops = 'for a in 1 2 3 4 5 6 7 8 9; do '.repeat(20);
  t.deepEqual(
    readAlternatives(`${loops} update-alternatives --install /a a /b x; ${'done; '.repeat(20)}`),
    [],
  );
});

test('readAlternatives() takes linear time on unbalanced quotes', (t) => {
  t.deepEqual(readAlternatives(`'"`.repeat(60_000)), []);
  t.deepEqual(readAlternatives('x'.repeat(1_000_000)), [], 'and does not read what is no script any more');
});
