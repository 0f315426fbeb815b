import test from 'ava';
import { appPorts } from './app-ports.ts';

for (const [texts, network, expected, reason] of [
  [[], undefined, {}, 'none'],
  [['80', '81'], undefined, { network: 'host', health: 'tcp://:80' }, "served in the host's network"],
  [
    ['8080:80'],
    undefined,
    { network: 'bridge', ports: ['127.0.0.1:8080:80'], health: 'tcp://:80' },
    'published for this host alone',
  ],
  [
    ['53:53/udp', '0.0.0.0:8080:80'],
    undefined,
    {
      network: 'bridge',
      ports: ['127.0.0.1:53:53/udp', '0.0.0.0:8080:80'],
      health: 'tcp://:80',
    },
    'asked where connections are made, by the port that the app itself serves',
  ],
  [
    ['192.0.2.1:8080:80'],
    'bridge',
    { network: 'bridge', ports: ['192.0.2.1:8080:80'], health: 'tcp://:80' },
    'one address',
  ],
  [['53:53/udp'], undefined, { network: 'bridge', ports: ['127.0.0.1:53:53/udp'] }, 'nothing that answers'],
  [
    ['80'],
    'bridge',
    { network: 'bridge', ports: ['127.0.0.1:80:80'], health: 'tcp://:80' },
    'the same port of the host',
  ],
] as const) {
  test(`appPorts() of ${texts.join(' and ')} with ${network ?? 'no network'}: ${reason}`, (t) => {
    t.deepEqual(appPorts(texts, network), expected);
  });
}

test('appPorts() refuses what is no port', (t) => {
  t.throws(() => appPorts(['1:99999'], undefined), { code: 'PORT_INVALID' });
});
