import { parseRegistryHost } from '@img/spec/registry-host';
import test from 'ava';
import { checkDestination, registryEndpoint } from './endpoint.ts';

for (const [host, scheme, expected] of [
  ['registry.example.com', undefined, 'https://registry.example.com'],
  ['registry.example.com:5000', undefined, 'https://registry.example.com:5000'],
  ['127.0.0.1:5000', undefined, 'http://127.0.0.1:5000'],
  ['localhost', undefined, 'http://localhost'],
  ['[::1]:5000', undefined, 'http://[::1]:5000'],
  ['localhost:5000', 'https', 'https://localhost:5000'],
  ['registry.lan:5000', 'http', 'http://registry.lan:5000'],
  ['docker.io', undefined, 'https://registry-1.docker.io'],
] as const) {
  test(`registryEndpoint() of ${host}${scheme === undefined ? '' : ` by ${scheme}`} is ${expected}`, (t) => {
    t.is(registryEndpoint(parseRegistryHost(host), scheme === undefined ? {} : { scheme }).origin, expected);
  });
}

for (const [why, host, scheme, target, isAllowed] of [
  ['to the registry itself', 'r.example.com', undefined, 'https://r.example.com/v2/', true],
  ['to another host by https', 'r.example.com', undefined, 'https://cdn.example.net/x', true],
  ['from https to http', 'r.example.com', undefined, 'http://cdn.example.net/x', false],
  ['from https to http on itself', 'r.example.com', undefined, 'http://r.example.com/v2/', false],
  ['from the network to this machine', 'r.example.com', undefined, 'https://localhost/x', false],
  ['from the network to this machine by number', 'r.example.com', undefined, 'https://127.8.0.1/x', false],
  ['to this machine by IPv6', 'r.example.com', undefined, 'https://[::1]/x', false],
  ['to this machine as IPv4 in IPv6', 'r.example.com', undefined, 'https://[::ffff:127.0.0.1]/x', false],
  ['to the address of all interfaces', 'r.example.com', undefined, 'https://0.0.0.0/x', false],
  ['to an odd spelling of this machine', 'r.example.com', undefined, 'https://0x7f.1/x', false],
  ['from this machine to this machine', '127.0.0.1:5000', undefined, 'http://127.0.0.1:9000/x', true],
  [
    'from this machine to the network by https',
    '127.0.0.1:5000',
    undefined,
    'https://cdn.example.net/x',
    true,
  ],
  [
    'from this machine to the network by http',
    '127.0.0.1:5000',
    undefined,
    'http://cdn.example.net/x',
    false,
  ],
  ['from a plain registry to another plain host', 'r.lan', 'http', 'http://files.lan/x', true],
  ['from a plain registry to this machine', 'r.lan', 'http', 'http://127.0.0.1/x', false],
  ['to a file', 'r.example.com', undefined, 'file:///etc/passwd', false],
  ['with a user name', 'r.example.com', undefined, 'https://me@cdn.example.net/x', false],
] as const) {
  test(`checkDestination() ${isAllowed ? 'allows' : 'refuses'} ${why}`, (t) => {
    const endpoint = registryEndpoint(parseRegistryHost(host), scheme === undefined ? {} : { scheme });
    const check = () => checkDestination(endpoint, new URL(endpoint.origin), new URL(target));
    if (isAllowed) t.notThrows(check);
    else t.throws(check, { code: 'REDIRECT_REFUSED' });
  });
}
