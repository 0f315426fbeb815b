import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { parseRecipe } from '../recipe/parse-recipe.ts';
import { type ImportOptions, importDockerfile } from './import-dockerfile.ts';

type Files = { readonly [path: string]: string };

/** Translates a Dockerfile in a folder of these files, and checks that the result is an img.yaml. */
async function importIn(
  t: ExecutionContext,
  text: string,
  files: Files = {},
  options: Partial<ImportOptions> = {},
) {
  const folder = join(temporaryFolder(t), 'shop');
  await mkdir(folder);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  const imported = await importDockerfile(Buffer.from(text), { file: 'Dockerfile', folder, ...options });
  parseRecipe(Buffer.from(imported.text), 'img.yaml');
  const [, recipe = ''] =
    /^# Made of Dockerfile by img import.\nname: shop\n(.*?)(?:\n# What|$)/s.exec(imported.text) ?? [];
  const notes = (outcome: string) =>
    imported.notes
      .filter((note) => note.outcome === outcome)
      .map(({ line, text: what }) => `${line} ${what}`);
  return { ...imported, recipe, left: notes('left'), changed: notes('changed') };
}

const version = 'version: "0.1.0"\n';
const trixie = `${version}os: debian:13\n`;
const scratch = `${version}os: scratch\n`;
const python = `${trixie}packages: [ca-certificates, python3]\n`;
const node = `${trixie}packages: [ca-certificates, nodejs]\n`;

type Case = readonly [
  why: string,
  dockerfile: string,
  recipe: string,
  rest?: { readonly files?: Files; readonly left?: readonly string[]; readonly changed?: readonly string[] },
];

const cases: readonly Case[] = [
  [
    'packages of apt-get, whatever stands between them',
    'FROM debian:trixie-slim\nRUN set -eux; apt-get update \\\n# why\n && apt-get install -y --no-install-recommends \\\n\n  curl jq:amd64 ; \\\n rm -rf /var/lib/apt/lists/*\nRUN apt-get install -y gcc && apt-get purge -y gcc 2>/dev/null || true\n',
    `${trixie}packages: [curl, jq]\n`,
  ],
  [
    'packages that variables name',
    `FROM debian:12\nARG DEPS="curl jq"\nENV MORE=git\nRUN apt-get install -y $DEPS \${MORE} \${NONE:-make}\n`,
    `${version}os: debian:12\npackages: [curl, git, jq, make]\nrun:\n  env:\n    MORE: git\n`,
  ],
  [
    'versions of packages, which the lock keeps',
    'FROM ubuntu:24.04\nRUN apt-get install -y curl=8.5\n',
    `${version}os: ubuntu:24.04\npackages: [curl]\n`,
    { changed: ['2 RUN apt-get install curl=8.5'] },
  ],
  [
    'the usual Python app',
    'FROM python:3.13-slim\nENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install --upgrade pip && pip install -r requirements.txt\nCOPY . .\nEXPOSE 8000\nUSER nobody\nCMD ["python", "-m", "shop"]\n',
    `${python}app: {python: ., to: /app}\nrun:\n  cmd: [python, "-m", shop]\n  workdir: /app\n  user: nobody\n  env:\n    PYTHONUNBUFFERED: "1"\n  ports: [8000]\n`,
    { files: { 'requirements.txt': 'flask==3.0 --hash=sha256:0\n' } },
  ],
  [
    'a Python app whose packages a stage installs',
    'FROM python:3.13 AS deps\nCOPY requirements.txt /\nRUN python -m venv /venv && /venv/bin/pip install -r /requirements.txt\nFROM python:3.13-slim\nCOPY --from=deps /venv /venv\nENV PATH=/venv/bin:$PATH\nCOPY . /srv\nCMD python /srv/main.py\n',
    `${python}app: {python: ., to: /srv}\nrun:\n  cmd: [python, /srv/main.py]\n`,
    { files: { 'requirements.txt': 'flask==3.0 --hash=sha256:0\n' } },
  ],
  [
    'a Python app without packages',
    'FROM python:3.11\nCOPY app.py /app.py\nENTRYPOINT ["python", "/app.py"]\n',
    `${version}os: debian:12\npackages: [ca-certificates, python3]\nfiles:\n  - {from: app.py, to: /app.py}\nrun:\n  entrypoint: [python3, /app.py]\n`,
    { files: { 'app.py': '' } },
  ],
  [
    'Python packages without digests',
    'FROM python:3\nCOPY . /app\nRUN pip install -r /app/requirements.txt && pip install gunicorn\n',
    `${python}app: {python: ., to: /app}\n`,
    { files: { 'requirements.txt': 'flask\n' }, left: ['3 RUN pip install gunicorn', '3 requirements.txt'] },
  ],
  [
    'Python packages beside a list, and two lists',
    'FROM python:3\nRUN pip install --prefix /x -r a.txt gunicorn\nRUN pip install -r a.txt -r b.txt\nRUN install -m 755 a /usr/bin/ && install -d -m 755 /srv\n',
    python,
    {
      left: [
        '2 RUN pip install --prefix /x -r a.txt gunicorn',
        '3 RUN pip install -r a.txt -r b.txt',
        '4 RUN install -m 755 a /usr/bin/',
      ],
    },
  ],
  [
    'a list of Python packages under another name',
    'FROM python:3\nCOPY . /app\nRUN pip install -r /app/prod.txt\n',
    `${python}files:\n  - {from: ., to: /app/}\n`,
    { left: ['3 RUN pip install -r /app/prod.txt'] },
  ],
  [
    'the usual Node app, whose sources npm start compiles nothing of',
    'FROM node:20-alpine\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci --omit=dev && npm cache clean --force\nCOPY src ./src\nUSER node\nCMD npm start\n',
    `${node}app: {node: ., to: /app}\nrun:\n  cmd: [node, src/server.js]\n  workdir: /app\n  user: node\n`,
    {
      files: {
        'package.json': '{"scripts": {"start": "node src/server.js"}, "dependencies": {}}',
        'package-lock.json': '{}',
        'src/server.js': '',
      },
      changed: ['3 COPY package.json', '7 CMD npm start'],
    },
  ],
  [
    'a Node app that a stage compiles, and has no lock',
    'FROM node:20 AS build\nWORKDIR /app\nCOPY . .\nRUN npm ci && npm run build\nFROM node:20-slim\nCOPY --from=build /app /app\nCOPY --from=build /app/node_modules /app/node_modules\nCMD ["npm", "run", "prod"]\n',
    `${node}app: {node: ., to: /app}\n`,
    {
      files: { 'package.json': '{"dependencies": {"a": "1"}, "scripts": {"prod": "tsx a.ts"}}' },
      left: ['4 package.json', '8 CMD ["npm", "run", "prod"]'],
      changed: ['6 COPY --from=build /app /app'],
    },
  ],
  [
    'a version of Node that Debian does not have',
    'FROM node:22\nCOPY a.js /\nCMD ["node", "/a.js"]\n',
    `${node}files:\n  - {from: a.js, to: /}\nrun:\n  cmd: [node, /a.js]\n`,
    { files: { 'a.js': '' }, changed: ['1 FROM node:22'] },
  ],
  [
    'a Go program that a stage compiles',
    `ARG V=1.24\nFROM --platform=$BUILDPLATFORM golang:\${V} AS build\nWORKDIR /src\nCOPY . .\nRUN go mod download && CGO_ENABLED=0 go build -o /out/agent ./cmd\nFROM gcr.io/distroless/static-debian12:nonroot\nCOPY --from=build /out/agent /agent\nCOPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/\nENTRYPOINT ["/agent"]\n`,
    `${scratch}packages: [ca-certificates, tzdata]\nfiles:\n  - {from: agent, to: /agent, mode: "0755"}\nrun:\n  entrypoint: [/agent]\n  user: "65532:65532"\n`,
    { left: ['7 COPY --from=build /out/agent /agent'] },
  ],
  [
    'a Go program that its image compiles',
    'FROM golang\nWORKDIR /app\nCOPY . .\nRUN go build -o agent .\nCMD ["./agent"]\n',
    `${scratch}packages: [ca-certificates, tzdata]\nfiles:\n  - {from: agent, to: /app/agent, mode: "0755"}\nrun:\n  cmd: [./agent]\n  workdir: /app\n`,
    { files: { 'main.go': '' }, left: ['4 RUN go build -o agent .'] },
  ],
  [
    'a jar that is there',
    `FROM eclipse-temurin:17-jre\nARG JAR=target/*.jar\nCOPY \${JAR} /app.jar\nENTRYPOINT ["java", "-Xmx1g", "-jar", "/app.jar"]\n`,
    `${version}os: debian:12\npackages: [ca-certificates, openjdk-17-jre-headless]\napp: {jar: target/shop-1.jar, to: /app.jar}\nrun:\n  entrypoint: [java, "-Xmx1g", "-jar", /app.jar]\n`,
    { files: { 'target/shop-1.jar': '' }, changed: [`3 COPY \${JAR} /app.jar`] },
  ],
  [
    'a site of nginx, where Debian has it',
    'FROM nginx:alpine\nCOPY dist/ /usr/share/nginx/html\n',
    `${trixie}packages: [nginx]\nfiles:\n  - {from: dist, to: /var/www/html/}\nrun:\n  cmd: [nginx, "-g", "daemon off;"]\n  ports: [80]\n  stop: SIGQUIT\n`,
    {
      files: { 'dist/index.html': '' },
      changed: ['1 FROM nginx:alpine', '2 the place /usr/share/nginx/html'],
    },
  ],
  [
    'a site of nginx with a configuration of its own',
    'FROM nginx\nCOPY site.conf /etc/nginx/conf.d/default.conf\nCOPY dist /usr/share/nginx/html\n',
    `${trixie}packages: [nginx]\nfiles:\n  - {from: site.conf, to: /etc/nginx/sites-available/default}\n  - {from: dist, to: /usr/share/nginx/html/}\nrun:\n  cmd: [nginx, "-g", "daemon off;"]\n  ports: [80]\n  stop: SIGQUIT\n`,
    {
      files: { 'dist/a': '', 'site.conf': '' },
      changed: ['1 FROM nginx', '2 the place /etc/nginx/conf.d/default.conf'],
    },
  ],
  [
    'an image that nothing else stands for',
    'FROM grafana/grafana:11\nRUN apt-get install -y curl\nCOPY a.ini /etc/\n',
    `${version}from: "docker.io/grafana/grafana:11"\nfiles:\n  - {from: a.ini, to: /etc/}\n`,
    { files: { 'a.ini': '' }, left: ['2 RUN apt-get install curl'], changed: ['1 FROM grafana/grafana:11'] },
  ],
  [
    'an app upon an image that nothing else stands for',
    'FROM example.com/python:1\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCMD echo $A\n',
    `${version}from: "example.com/python:1"\napp: {python: ., to: /app}\nrun:\n  cmd: [sh, "-c", "echo $A"]\n  workdir: /app\n`,
    {
      files: { 'requirements.txt': '' },
      changed: ['1 FROM example.com/python:1', '3 COPY requirements.txt', '5 CMD echo $A'],
    },
  ],
  [
    'packages of Alpine by the names that Debian has for them',
    'FROM alpine:3.20\nRUN apk add --no-cache --virtual .deps build-base libc6-compat bash && apk del .deps && apk add frobnicate\n',
    `${trixie}packages: [bash, build-essential]\n`,
    { left: ['2 RUN apk add frobnicate'], changed: ['1 FROM alpine:3.20'] },
  ],
  [
    'users, owners and permissions',
    'FROM debian:13\nRUN groupadd -g 1500 web && useradd -r -u 1400 -g web web && useradd other\nCOPY --chown=web:web a /srv/a\nCOPY --chown=www-data:www-data b /srv/\nCOPY run /usr/local/bin/\nRUN chmod +x /usr/local/bin/run && chmod 644 /srv/b\nCOPY --chmod=600 --chown=other c /srv/\nUSER web:web\n',
    `${trixie}files:\n  - {from: a, to: /srv/a, owner: "1400:1500"}\n  - {from: b, to: /srv/, mode: "0644", owner: www-data}\n  - {from: run, to: /usr/local/bin/, mode: "0755"}\n  - {from: c, to: /srv/, mode: "600"}\nrun:\n  user: "1400:1500"\n`,
    {
      files: { a: '', b: '', run: '', c: '' },
      changed: ['2 the user other', '7 the owner other of /srv/'],
    },
  ],
  [
    'a user by its name, which img makes',
    'FROM debian:13\nRUN useradd --create-home app && mkdir -p /data && chown app /data /srv\nWORKDIR /srv\nCOPY --chown=app:app . .\nUSER app\n',
    `${trixie}files:\n  - {from: ., to: /srv/, owner: app}\nrun:\n  workdir: /srv\n  user: app\n`,
    { left: ['2 RUN chown app /data /srv', '2 the folder /data'] },
  ],
  [
    'what runs a shell, with the shell',
    'FROM debian:13\nENV PORT=80\nCMD exec serve --port $PORT --home $HOME && echo done\n',
    `${trixie}packages: [dash]\nrun:\n  cmd: [sh, "-c", "exec serve --port $PORT --home $HOME && echo done"]\n  env:\n    PORT: "80"\n`,
    { changed: ['3 CMD exec serve --port $PORT --home $HOME && echo done'] },
  ],
  [
    'a script that is started, with what it calls',
    'FROM debian:13\nCOPY run.sh /\nRUN chmod 755 /run.sh\nENTRYPOINT ["/run.sh"]\nCMD ["a b"]\n',
    `${trixie}packages: [bash, coreutils, sed]\nfiles:\n  - {from: run.sh, to: /, mode: "0755"}\nrun:\n  entrypoint: [/run.sh]\n  cmd: ["a b"]\n`,
    { files: { 'run.sh': '#!/usr/bin/env bash\nsed -i s/a/b/ x\n' }, changed: ['4 the script /run.sh'] },
  ],
  [
    'everything that says how it runs',
    'FROM scratch\nMAINTAINER Joe\nLABEL version=2.1 "a b"=c d="e f"\nENV A=1 B="$A two"\nENV C three   words $A\nEXPOSE 80/tcp 53/udp 7000-7001\nSTOPSIGNAL 2\nWORKDIR /a\nWORKDIR b\nUSER 12:34\nSHELL ["/bin/sh"]\nHEALTHCHECK NONE\nCMD ["/x"]\n',
    `version: "2.1"\nos: scratch\nrun:\n  cmd: [/x]\n  workdir: /a/b\n  user: "12:34"\n  env:\n    A: "1"\n    B: " two"\n    C: "three words 1"\n  ports: [80, "53/udp", 7000, 7001]\n  stop: SIGINT\n  labels:\n    org.opencontainers.image.authors: Joe\n    version: "2.1"\n    d: "e f"\n`,
    { left: ['3 LABEL version=2.1 "a b"=c d="e f"'] },
  ],
  [
    'what an img.yaml does not say',
    'FROM debian:13\nRUN curl -sL https://x.example | bash -\nRUN if true; then apt-get install -y x; fi\nRUN ["make", "install"]\nRUN <<EOF\napt-get install -y \\\n  jq\necho a > /etc/a\nEOF\nRUN <<EOF python3\nprint(1)\nEOF\nADD https://x.example/a /a\nADD a.tar.gz /\nCOPY <<A <<"B" /etc/\nhello\nA\nEOF\nB\nCOPY --from=busybox /bin/x /x\nCOPY none.txt $WHERE/\nCOPY *.none /\nVOLUME /data\nHEALTHCHECK CMD curl x\nONBUILD RUN x\nEXPOSE $P\nSTOPSIGNAL SIGX\nUSER $U\nWORKDIR $W\n',
    `${trixie}packages: [jq]\n`,
    {
      left: [
        '2 RUN curl -sL https://x.example | bash -',
        '3 RUN if true; then apt-get install -y x; fi',
        '4 RUN make install',
        '5 RUN echo a > /etc/a',
        '10 RUN <<EOF python3',
        '13 ADD https://x.example/a /a',
        '14 ADD a.tar.gz /',
        '15 COPY <<A <<"B" /etc/',
        '20 COPY --from=busybox /bin/x /x',
        '21 COPY none.txt $WHERE/',
        '22 COPY *.none /',
        '23 VOLUME /data',
        '24 HEALTHCHECK CMD curl x',
        '25 ONBUILD RUN x',
        '26 EXPOSE $P',
        '27 STOPSIGNAL SIGX',
        '28 USER $U',
        '29 WORKDIR $W',
      ],
    },
  ],
  [
    'a stage upon a stage, and other line ends and escapes',
    '# escape=`\r\nFROM debian:13 AS base\r\nRUN apt-get install -y `\r\n  curl\r\nFROM base\r\nENV X=y\r\n',
    `${trixie}packages: [curl]\nrun:\n  env:\n    X: "y"\n`,
  ],
  [
    'a time zone',
    'FROM debian:13\nRUN ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime\n',
    `${trixie}packages: [tzdata]\nrun:\n  env:\n    TZ: Europe/Berlin\n`,
    { changed: ['2 RUN ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime'] },
  ],
];

for (const [why, dockerfile, recipe, { files = {}, left = [], changed = [] } = {}] of cases) {
  test(`importDockerfile() translates ${why}`, async (t) => {
    const imported = await importIn(t, dockerfile, files);
    t.is(imported.recipe, recipe);
    t.deepEqual(imported.left, left);
    t.deepEqual(imported.changed, changed);
    for (const { outcome, advice } of imported.notes) t.true(outcome !== 'left' || advice !== undefined);
  });
}

test('importDockerfile() takes the stage and the values that it is given', async (t) => {
  const text = 'ARG V=12\nFROM debian:$V AS one\nARG NAME\nENV GIVEN=$NAME\nFROM scratch AS two\n';
  const given = new Map([
    ['V', '13'],
    ['NAME', 'x'],
  ]);
  const { recipe } = await importIn(t, text, {}, { target: 'One', given });
  t.is(recipe, `${trixie}run:\n  env:\n    GIVEN: x\n`);
  t.is((await importIn(t, text, {}, { target: '1' })).recipe, scratch);
});

test('importDockerfile() writes what is left to do into the file, where no character acts', async (t) => {
  const { text } = await importIn(t, 'FROM scratch\nRUN make \u001b[31m\u202e\n');
  t.regex(
    text,
    /\n# What this file does not say yet:\n# line 2: RUN make \\u001b\[31m\\u202e\n# {3}run it before/,
  );
});

const refused: readonly (readonly [why: string, text: string | Uint8Array, message: RegExp])[] = [
  ['nothing', '', /^Dockerfile:1: there is no FROM$/],
  ['an unknown instruction', 'FROM a\nCOYP a b\n', /:2: unknown instruction "COYP"; did you mean COPY\?$/],
  ['an instruction without anything', 'FROM a\n\n# x\nRUN\n', /:4: RUN says nothing$/],
  ['what stands before FROM', 'RUN x\nFROM a\n', /:1: RUN stands before the first FROM$/],
  ['a FROM that says too much', 'FROM a b\n', /:1: FROM should be an image/],
  ['a text without an end', 'FROM a\nRUN <<EOF\nx\n', /:2: the text of <<EOF has no end$/],
  ['what is no text', Uint8Array.of(0xff), /:1: the file is not valid UTF-8$/],
  ['a character of no text', 'FROM a\0\n', /:1: the file has a character/],
  ['a file without measure', Buffer.alloc(1024 * 1024 + 1), /:1: the file has 1048577 bytes/],
  [
    'what is too much for an img.yaml',
    `FROM debian:13\nRUN apt-get install ${'a'.repeat(300)}\n`,
    /:1: it fits no img.yaml: .*packages\[0\] is longer/,
  ],
  [
    'variables that double each other',
    `FROM a\nENV A=aaaaaaaa\n${'ENV A=$A$A\n'.repeat(40)}`,
    /:\d+: with its variables, a text becomes too long$/,
  ],
];

for (const [why, text, message] of refused) {
  test(`importDockerfile() refuses ${why}`, async (t) => {
    const imported = importDockerfile(Buffer.from(text), { file: 'Dockerfile', folder: temporaryFolder(t) });
    await t.throwsAsync(imported, { code: 'DOCKERFILE_INVALID', message });
  });
}

test('importDockerfile() refuses a stage that is not there, and says which are', async (t) => {
  await t.throwsAsync(importIn(t, 'FROM a AS one\nFROM b\n', {}, { target: 'none' }), {
    code: 'DOCKERFILE_INVALID',
    message: 'Dockerfile has no stage "none"',
  });
});

test('importDockerfile() makes an img.yaml that parses, or refuses, whatever it reads', async (t) => {
  const folder = temporaryFolder(t);
  const words = fc.constantFrom(
    'FROM',
    'debian:13',
    'python:3',
    'scratch',
    'RUN',
    'COPY',
    '--from=0',
    '--chown=a:b',
    'ENV',
    'A=$A',
    `\${B:-c}`,
    'USER',
    'WORKDIR',
    '/x/../..',
    'CMD',
    '["a", "b"]',
    '[',
    'apt-get install',
    'apk add',
    '&&',
    '|',
    '"',
    "'",
    '\\',
    '\n',
    '\n',
    '\n',
    '<<E',
    'E',
    '#',
    '{',
    'LABEL',
    '=',
    'EXPOSE',
    '99999',
    '1-9',
    'ENTRYPOINT',
    'npm start',
    'mkdir -p',
    'useradd -u 4294967295',
    'x',
    '.',
    '..',
    '*',
    'pip install -r',
    'constructor',
    '__proto__',
    'AS',
    'HEALTHCHECK',
    'ADD',
    'STOPSIGNAL',
    '9',
    '\u0007',
    '😀',
    ':',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(words, { maxLength: 40 }), async (parts) => {
      const text = `FROM scratch\n${parts.join(' ').replaceAll(' \n ', '\n')}`;
      const imported = importDockerfile(Buffer.from(text), { file: 'Dockerfile', folder });
      const message = await imported.then(() => '', String);
      t.regex(message, /^$|^BuilderError: Dockerfile:\d+: (?!it fits no)/);
    }),
    { numRuns: 500, seed: 1 },
  );
});
