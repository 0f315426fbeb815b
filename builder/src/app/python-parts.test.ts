import { execFileSync } from 'node:child_process';
import test from 'ava';
import { markerHolds } from './marker.ts';
import { markerEnvironment } from './python-host.ts';
import { parseRequirements } from './requirements.ts';
import { type PythonHost, parseWheelName, wheelScore } from './wheel-tags.ts';

const hash = 'a'.repeat(64);
const host: PythonHost = {
  python: '3.11',
  machine: 'x86_64',
  libc: { kind: 'glibc', major: 2, minor: 36 },
};

test('parseRequirements() reads what uv and pip-compile write', (t) => {
  const text = `# made by uv
--index-url https://pypi.example.com/simple
--require-hashes
Flask_Login[extra]==3.0.0 ; python_version >= "3.8" \\
    --hash=sha256:${hash} \\
    --hash=sha512:${'b'.repeat(128)}
    # via app
b===1!2.0+local --hash=sha256:${hash}  # a comment
`;
  t.deepEqual(parseRequirements(text, 'r.txt'), {
    index: 'https://pypi.example.com/simple',
    packages: [
      {
        name: 'flask-login',
        version: '3.0.0',
        marker: 'python_version >= "3.8"',
        digests: [`sha256:${hash}` as never],
      },
      { name: 'b', version: '1!2.0+local', marker: undefined, digests: [`sha256:${hash}` as never] },
    ],
  });
});

const refusals: readonly (readonly [why: string, line: string, code: string])[] = [
  ['a version that is not one', 'flask>=3.0', 'APP_UNSUPPORTED'],
  ['a package without a digest', 'flask==3.0', 'APP_UNSUPPORTED'],
  ['only a digest that no index knows', `flask==3.0 --hash=md5:${'a'.repeat(32)}`, 'APP_UNSUPPORTED'],
  ['a digest that is none', 'flask==3.0 --hash=sha256:xyz', 'APP_INVALID'],
  ['a folder', '-e .', 'APP_UNSUPPORTED'],
  ['another file', '-r more.txt', 'APP_UNSUPPORTED'],
  ['an address', `a @ https://example.com/a.whl --hash=sha256:${hash}`, 'APP_UNSUPPORTED'],
  ['a name that climbs', `../x==1 --hash=sha256:${hash}`, 'APP_UNSUPPORTED'],
];

for (const [why, line, code] of refusals) {
  test(`parseRequirements() refuses ${why}, with its line`, (t) => {
    t.throws(() => parseRequirements(`# first\n${line}\n`, 'r.txt'), { code, message: /^r\.txt:2: / });
  });
}

const markers: readonly (readonly [marker: string, holds: boolean])[] = [
  ['python_version >= "3.8"', true],
  ['python_version < "3.11"', false],
  ['python_version < "3.9" or sys_platform == "linux"', true],
  ['python_version < "3.9" and sys_platform == "linux"', false],
  ['"linux" in sys_platform', true],
  ["platform_machine not in 'arm64 aarch64'", true],
  ['(os_name == "nt" or os_name == "posix") and implementation_name == "cpython"', true],
  ['os_name == "nt" or os_name == "posix" and implementation_name == "pypy"', false],
  ['python_version == "3.11.*"', true],
  ['python_version != "3.11.*"', false],
  ['python_version ~= "3.10"', true],
  ['"3.10" <= python_version', true],
  ['extra == "dev"', false],
  ["python_full_version>='3.7.2'", true],
];

test('markerHolds() decides conditions', (t) => {
  for (const [marker, holds] of markers)
    t.is(markerHolds(marker, markerEnvironment(host), 'r.txt'), holds, marker);
});

test('markerHolds() refuses what is no condition', (t) => {
  for (const marker of [
    '',
    'python_version',
    'a == ',
    '(os_name == "nt"',
    'os_name = "nt"',
    'unknown == "1"',
    'os_name == "nt" "x"',
  ]) {
    t.throws(() => markerHolds(marker, markerEnvironment(host), 'r.txt'), { code: 'APP_INVALID' }, marker);
  }
});

/** Names from the best to the worst, and then those that don't run. */
const wheels = [
  'a-1-cp311-cp311-manylinux_2_34_x86_64.whl',
  'a-1-2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  'a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  'a-1-cp311-cp311-manylinux1_x86_64.whl',
  'a-1-cp311-cp311-linux_x86_64.whl',
  'a-1-cp39-abi3-manylinux2014_x86_64.whl',
  'a-1-cp36-abi3-manylinux2014_x86_64.whl',
  'a-1-py311-none-any.whl',
  'a-1-py3-none-manylinux2014_x86_64.whl',
  'a-1-py2.py3-none-any.whl',
];
const others = [
  'a-1-cp311-cp311-manylinux_2_39_x86_64.whl',
  'a-1-cp311-cp311-musllinux_1_2_x86_64.whl',
  'a-1-cp311-cp311-manylinux2014_aarch64.whl',
  'a-1-cp311-cp311-macosx_11_0_arm64.whl',
  'a-1-cp311-cp311-win_amd64.whl',
  'a-1-cp312-cp312-manylinux2014_x86_64.whl',
  'a-1-cp312-abi3-manylinux2014_x86_64.whl',
  'a-1-cp311-cp311t-manylinux2014_x86_64.whl',
  'a-1-pp39-pypy39_pp73-manylinux2014_x86_64.whl',
  'a-1-py2-none-any.whl',
  'a-1-py312-none-any.whl',
];

test('wheelScore() prefers what was made for the interpreter and the newest system', (t) => {
  const score = (file: string) => {
    const name = parseWheelName(file);
    return name && wheelScore(name, host);
  };
  const sorted = wheels.toSorted((a, b) => (score(b) ?? 0) - (score(a) ?? 0));
  t.deepEqual(sorted, wheels);
  for (const file of others) t.is(score(file), undefined, file);
  t.is(parseWheelName('a-1.tar.gz'), undefined);
});

test('wheelScore() says of each tag what pip says of it', (t) => {
  let tags: readonly string[];
  try {
    const script =
      'from pip._vendor.packaging import tags as g; print(*map(str, g.cpython_tags((3,11), platforms=["manylinux_2_36_x86_64","manylinux_2_17_x86_64","manylinux2014_x86_64","linux_x86_64"])), *map(str, g.compatible_tags((3,11), "cp311", ["manylinux2014_x86_64"])), sep="\\n")';
    tags = execFileSync('python3', ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .split('\n');
  } catch {
    t.log('left out: pip is not installed');
    t.pass();
    return;
  }
  for (const tag of tags) {
    const name = parseWheelName(`a-1-${tag}.whl`);
    t.not(name && wheelScore(name, host), undefined, tag);
  }
});
