import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { findPlugins } from './find-plugins.ts';
import { containerResolvConf } from './name-servers.ts';
import { parseNetworkList, readNetworkList } from './network-list.ts';
import { encodeNetworkRecord, parseNetworkRecord } from './network-record.ts';
import { parseNetworkResult } from './plugin-result.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const list = (plugins: string, rest = '"cniVersion":"1.0.0","name":"lan"') =>
  encode(`{${rest},"plugins":${plugins}}`);

test('readNetworkList() gives the network that is built in, whose names and addresses another instance does not have', (t) => {
  const usual = readNetworkList(undefined, '/run/img');
  const other = readNetworkList('/not/there', '/srv/run');
  t.is(usual.name, 'img0');
  t.deepEqual(
    usual.plugins.map(({ type, takesPorts }) => [type, takesPorts]),
    [
      ['bridge', false],
      ['portmap', true],
      ['firewall', false],
    ],
  );
  t.regex(other.name, /^img-[0-9a-f]{8}$/);
  t.true(other.name.length <= 15, 'a name of an interface');
  const subnetOf = ({ plugins }: typeof usual) => JSON.stringify(plugins[0]?.config['ipam']);
  t.not(subnetOf(usual), subnetOf(other));
  t.regex(subnetOf(other), /"dataDir":"\/srv\/run\/networks\/leases"/);
});

test('readNetworkList() takes what the administrator has written instead', (t) => {
  const folder = temporaryFolder(t);
  const text =
    '[{"type":"ptp","ipam":{"type":"dhcp"},"x":1},{"type":"p","capabilities":{"portMappings":true}}]';
  writeFileSync(join(folder, 'bridge.conflist'), list(text));
  t.deepEqual(readNetworkList(folder, '/run/img'), {
    name: 'lan',
    cniVersion: '1.0.0',
    plugins: [
      { type: 'ptp', takesPorts: false, config: { type: 'ptp', ipam: { type: 'dhcp' }, x: 1 } },
      { type: 'p', takesPorts: true, config: { type: 'p', capabilities: { portMappings: true } } },
    ],
  });
  writeFileSync(join(folder, 'bridge.conflist'), '{');
  t.throws(() => readNetworkList(folder, '/run/img'), {
    code: 'NETWORK_INVALID',
    message: /bridge\.conflist is no network: /,
  });
});

for (const [bytes, message, reason] of [
  [list('[]'), /no plugins/, 'nothing to do'],
  [list('[{"type":"../../bin/sh"}]'), /plugin .* is no name/, 'a program somewhere else'],
  [list('[{"type":""}]'), /is no name/, 'no program'],
  [list('[{}]'), /type is missing/, 'no program'],
  [list('{"type":"bridge"}'), /should be a list/, 'one plugin alone, as before lists'],
  [
    list('[{"type":"a"}]', '"cniVersion":"0.1.0","name":"lan"'),
    /cniVersion "0\.1\.0"/,
    'results of another form',
  ],
  [list('[{"type":"a"}]', '"cniVersion":"1.0.0"'), /name is missing/, 'no name'],
  [list('[{"type":"a"}]', '"cniVersion":"1.0.0","name":"a/../b"'), /name .* is none/, 'a name with folders'],
  [list(JSON.stringify(Array.from({ length: 17 }, () => ({ type: 'a' })))), /more than the 16/, 'too many'],
] as const) {
  test(`parseNetworkList() refuses ${reason}: ${String(message)}`, (t) => {
    t.throws(() => parseNetworkList(bytes), { message });
  });
}

test('findPlugins() wants all of them in one folder, with those that give addresses', (t) => {
  const folder = temporaryFolder(t);
  const place = (path: string) => writeFileSync(join(folder, path), '', { mode: 0o755 });
  for (const name of ['a', 'b']) mkdirSync(join(folder, name));
  const wanted = parseNetworkList(list('[{"type":"macvlan","ipam":{"type":"static"}},{"type":"tuning"}]'));
  const folders = ['a', 'b'].map((name) => join(folder, name));
  for (const path of ['a/macvlan', 'b/macvlan', 'b/tuning']) place(path);
  t.throws(() => findPlugins(wanted, folders), {
    code: 'NETWORK_MISSING',
    message: /does not have: static$/,
  });
  place('b/static');
  t.deepEqual(findPlugins(wanted, folders), {
    folder: join(folder, 'b'),
    programs: [join(folder, 'b/macvlan'), join(folder, 'b/tuning')],
  });
});

for (const [texts, hasIpv6, expected, reason] of [
  [['nameserver 192.0.2.1\nsearch a b\n'], false, 'nameserver 192.0.2.1\nsearch a b\n', 'as it is'],
  [
    ['nameserver 127.0.0.53\noptions edns0\n', 'nameserver 192.0.2.1\n'],
    false,
    'nameserver 192.0.2.1\n',
    "systemd-resolved's own address, so those that it asks",
  ],
  [
    ['nameserver 127.0.0.1\nnameserver 192.0.2.1\n', 'nameserver 192.0.2.9\n'],
    false,
    'nameserver 192.0.2.1\n',
    'one of two can be reached',
  ],
  [
    ['nameserver ::1\n', undefined, 'nameserver 192.0.2.1\n'],
    true,
    'nameserver 192.0.2.1\n',
    "NetworkManager's",
  ],
  [
    ['nameserver fe80::1%eth0\nnameserver 2001:db8::1\n'],
    true,
    'nameserver 2001:db8::1\n',
    'of a link of the host',
  ],
  [['nameserver 2001:db8::1\nsearch a\n'], false, 'search a\n', 'IPv6, which the container does not have'],
  [['# nameserver 192.0.2.1\nnameserver x\nsortlist 1\n'], false, '', 'no server, and nothing else to say'],
  [[undefined, undefined], false, '', 'a host without names'],
] as const) {
  test(`containerResolvConf() with ${reason}`, (t) => {
    t.is(containerResolvConf(texts, { hasIpv6 }), expected);
  });
}

test('parseNetworkResult() reads addresses without their prefixes, and nothing that is none', (t) => {
  t.deepEqual(
    parseNetworkResult({
      ips: [{ address: '10.0.0.2/24', gateway: '10.0.0.1' }, { address: 'fd00::2/64' }, { address: 'x\ny' }],
      dns: { nameservers: ['10.0.0.1', 'evil\nsearch x'] },
    }),
    { addresses: ['10.0.0.2', 'fd00::2'], gateway: '10.0.0.1', nameservers: ['10.0.0.1'] },
  );
  t.deepEqual(parseNetworkResult({}), { addresses: [], gateway: undefined, nameservers: [] });
  t.throws(() => parseNetworkResult({ ips: [1] }), { message: /result\.ips\[0\]/ });
});

test('parseNetworkRecord() reads what encodeNetworkRecord() writes', (t) => {
  const record = {
    container: '0123456789abcdef',
    ports: [{ hostAddress: '127.0.0.1', hostPort: 80, containerPort: 81, protocol: 'udp' }],
    folder: '/usr/lib/cni',
    programs: ['/usr/lib/cni/bridge'],
    addresses: ['10.0.0.2'],
    gateway: undefined,
    nameservers: [],
  } as const;
  t.deepEqual(parseNetworkRecord(encode(encodeNetworkRecord(record))), record);
});
