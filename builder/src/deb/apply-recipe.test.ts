import test from 'ava';
import { applyRecipe } from './apply-recipe.ts';
import { fileEntry, type PackageEntry } from './package-entry.ts';
import { recipeOf } from './recipes.ts';

/** What the recipe of a package adds to files, as `path -> target` of links and `path: content` of files. */
async function added(name: string, files: { readonly [path: string]: string }): Promise<readonly string[]> {
  const entries = new Map(
    Object.entries(files).map(([path, text]) => [path, fileEntry(path, Buffer.from(text))] as const),
  );
  const read = async ({ content }: PackageEntry) =>
    content?.kind === 'made' ? content.bytes : new Uint8Array();
  const result = await applyRecipe(recipeOf(name), entries, { architecture: 'amd64', read });
  const changed = [...result.values()].filter(({ entry }) => !entries.has(entry.path));
  return await Promise.all(
    changed.map(async (one) => {
      const { path, linkTarget } = one.entry;
      if (one.entry.type === 'directory') return `${path}/`;
      return linkTarget === undefined
        ? `${path}: ${Buffer.from(await read(one)).toString()}`
        : `${path} -> ${linkTarget}`;
    }),
  );
}

type Case = readonly [
  why: string,
  name: string,
  files: { readonly [path: string]: string },
  adds: readonly string[],
];

const cases: readonly Case[] = [
  [
    'apache2 reads the modules, settings and sites that its postinst enables, and no others',
    'apache2',
    {
      'etc/apache2/mods-available/mpm_event.conf': '',
      'etc/apache2/mods-available/mpm_event.load': '',
      'etc/apache2/mods-available/mpm_prefork.load': '',
      'etc/apache2/conf-available/security.conf': '',
      'etc/apache2/sites-available/000-default.conf': '',
      'etc/apache2/sites-available/default-ssl.conf': '',
    },
    [
      'etc/apache2/mods-enabled/mpm_event.conf -> ../mods-available/mpm_event.conf',
      'etc/apache2/mods-enabled/mpm_event.load -> ../mods-available/mpm_event.load',
      'etc/apache2/conf-enabled/security.conf -> ../conf-available/security.conf',
      'etc/apache2/sites-enabled/000-default.conf -> ../sites-available/000-default.conf',
    ],
  ],
  [
    'nginx serves the one site that its postinst enables',
    'nginx-common',
    { 'etc/nginx/sites-available/default': '', 'etc/nginx/sites-available/other': '' },
    ['etc/nginx/sites-enabled/default -> /etc/nginx/sites-available/default'],
  ],
  [
    'nginx loads modules in an order',
    'libnginx-mod-http-ndk',
    {
      'usr/share/nginx/modules-available/mod-http-ndk.conf': '',
      'usr/share/nginx/modules-available/mod-http-lua.conf': '',
      'usr/share/nginx/modules-available/README': '',
    },
    [
      'etc/nginx/modules-enabled/10-mod-http-ndk.conf -> /usr/share/nginx/modules-available/mod-http-ndk.conf',
      'etc/nginx/modules-enabled/50-mod-http-lua.conf -> /usr/share/nginx/modules-available/mod-http-lua.conf',
    ],
  ],
  [
    'PHP loads extensions in the order that their files ask for',
    'php8.4-xml',
    {
      'usr/share/php8.4-xml/xml/dom.ini': 'extension=dom.so\n',
      'usr/share/php8.4-xml/xml/xml.ini': '; priority=15\nextension=xml.so\n',
    },
    [
      'etc/php/8.4/mods-available/dom.ini: extension=dom.so\n',
      ...['apache2', 'cgi', 'cli', 'fpm'].map(
        (program) => `etc/php/8.4/${program}/conf.d/20-dom.ini -> /etc/php/8.4/mods-available/dom.ini`,
      ),
      'etc/php/8.4/mods-available/xml.ini: ; priority=15\nextension=xml.so\n',
      ...['apache2', 'cgi', 'cli', 'fpm'].map(
        (program) => `etc/php/8.4/${program}/conf.d/15-xml.ini -> /etc/php/8.4/mods-available/xml.ini`,
      ),
    ],
  ],
  [
    'sshd starts only with a configuration, and a folder that it can go on in',
    'openssh-server',
    { 'usr/share/openssh/sshd_config': 'UsePAM yes\n' },
    ['etc/ssh/sshd_config: UsePAM yes\n', 'run/sshd/'],
  ],
  [
    'R finds its own packages by a file that is made of another one',
    'r-base-core',
    { 'usr/lib/R/etc/Renviron.ucf': 'R_LIBS_SITE=x\n' },
    ['etc/R/Renviron: R_LIBS_SITE=x\n'],
  ],
  [
    'what has the files of another package is no such package',
    'php-common',
    { 'usr/share/php8.4-xml/xml/dom.ini': 'extension=dom.so\n' },
    [],
  ],
];

for (const [why, name, files, adds] of cases) {
  test(`applyRecipe() does what scripts of ${name} would: ${why}`, async (t) => {
    t.deepEqual(await added(name, files), adds);
  });
}
