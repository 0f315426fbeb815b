import test from 'ava';
import { convert, file, folder, hardLink, link } from '../testing/convert.ts';
import type { DebMember, DebParts } from '../testing/make-deb.ts';

const refused: readonly [why: string, data: readonly DebMember[], code: string, parts?: DebParts][] = [
  ['a path that climbs', [file('./../etc/passwd', 'x')], 'PATH_UNSAFE'],
  ['a path that climbs in the middle', [file('./usr/../../etc/passwd', 'x')], 'PATH_UNSAFE'],
  ['an absolute path', [file('/etc/passwd', 'x')], 'PATH_UNSAFE'],
  ['a link that climbs above the root', [link('./usr/bin/x', '../../../etc/passwd')], 'PATH_UNSAFE'],
  ['an absolute link that climbs', [link('./usr/bin/x', '/../etc/passwd')], 'PATH_UNSAFE'],
  [
    'a file below a link of the package',
    [link('./usr/x', '/etc'), file('./usr/x/passwd', 'x')],
    'PATH_UNSAFE',
  ],
  ['a file below a file', [file('./usr/x', 'x'), file('./usr/x/y', 'y')], 'PATH_UNSAFE'],
  ['a hard link that climbs', [hardLink('./usr/x', '../../etc/passwd')], 'PATH_UNSAFE'],
  ['a hard link to what is not in it', [hardLink('./usr/x', './etc/passwd')], 'DEB_INVALID'],
  ['a hard link to a link', [link('./usr/y', '/etc/passwd'), hardLink('./usr/x', './usr/y')], 'DEB_INVALID'],
  ['a device', [{ name: './dev/sda', type: 'block-device', devmajor: 8 }], 'DEB_INVALID'],
  ['a pipe', [{ name: './run/pipe', type: 'fifo' }], 'DEB_INVALID'],
  ['a path twice', [file('./a', '1'), file('./a', '2')], 'DEB_INVALID'],
  ['a path twice by the merge', [file('./bin/a', '1'), file('./usr/bin/a', '2')], 'DEB_INVALID'],
  ['a folder with two owners', [folder('./lib/'), folder('./usr/lib/', { uid: 1 })], 'DEB_INVALID'],
  ['a file where a merged folder is', [file('./bin', 'x')], 'PATH_UNSAFE'],
  [
    'another name than the index has',
    [],
    'DEB_INVALID',
    { control: { control: 'Package: other\nVersion: 1.0-1\nArchitecture: amd64\n' } },
  ],
  [
    'another version',
    [],
    'DEB_INVALID',
    { control: { control: 'Package: example\nVersion: 2\nArchitecture: amd64\n' } },
  ],
  [
    'another architecture',
    [],
    'DEB_INVALID',
    { control: { control: 'Package: example\nVersion: 1.0-1\nArchitecture: arm64\n' } },
  ],
  ['no control file', [], 'DEB_INVALID', { control: { control: '' } }],
];

for (const [why, data, code, parts] of refused) {
  test(`convertDeb() refuses ${why}`, async (t) => {
    // Merged folders only clash when something lies in them.
    const more = why.startsWith('a file where a merged') ? [file('./usr/bin/x', 'x')] : [];
    await t.throwsAsync(convert(t, { data: [...data, ...more], ...parts }), {
      code,
      message: /"example 1\.0-1"/,
    });
  });
}
