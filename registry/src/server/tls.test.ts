import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { Client } from 'undici';
import { makeCertificate } from '../testing/certificate.ts';
import { listen } from './listen.ts';
import { ServerError } from './server-error.ts';
import { basic, startTestRegistry } from './testing/test-registry.ts';

test('a registry with a certificate speaks HTTPS, and says so where clients get tokens', async (t) => {
  const tls = makeCertificate(temporaryFolder(t), 'IP:127.0.0.1');
  const { running } = await startTestRegistry(t, { tls });
  t.regex(running.url, /^https:/);
  const client = new Client(running.url, { connect: { ca: await readFile(tls.certificate) } });
  t.teardown(() => client.destroy());
  const refused = await client.request({ method: 'GET', path: '/v2/' });
  await refused.body.dump();
  t.is(refused.statusCode, 401);
  t.true(String(refused.headers['www-authenticate']).includes(`realm="${running.url}/token"`));
  const headers = { authorization: basic('admin', 'correct horse') };
  const welcome = await client.request({ method: 'GET', path: '/v2/', headers });
  await welcome.body.dump();
  t.is(welcome.statusCode, 200);
});

test('a certificate that was renewed is shown without a restart', async (t) => {
  const folder = temporaryFolder(t);
  const tls = { certificate: join(folder, 'shown.pem'), key: join(folder, 'shown-key.pem') };
  const renew = async () => {
    const made = makeCertificate(temporaryFolder(t), 'IP:127.0.0.1');
    await copyFile(made.certificate, tls.certificate);
    await copyFile(made.key, tls.key);
  };
  await renew();
  const server = await listen(
    { tls, renewalMs: 5 },
    { idleMs: 60_000, headMs: 60_000 },
    () => (_, response) => {
      response.end();
    },
  );
  t.teardown(() => server.close());
  const first = await shownBy(server.port);
  await renew();
  while ((await shownBy(server.port)) === first);
  await writeFile(tls.key, 'no key');
  t.not(await shownBy(server.port), first, 'files that do not fit change nothing');
});

test('a certificate without its key is refused before anything listens', async (t) => {
  const [one, other] = [temporaryFolder(t), temporaryFolder(t)].map((folder) => {
    return makeCertificate(folder, 'IP:127.0.0.1');
  });
  const pairs = [
    { certificate: String(one?.certificate), key: String(other?.key) },
    { certificate: '/nonexistent', key: String(one?.key) },
    { certificate: String(one?.key), key: String(one?.key) },
  ];
  for (const tls of pairs) {
    const error = await t.throwsAsync(startTestRegistry(t, { tls }), { instanceOf: ServerError });
    t.is(error?.code, 'TLS_UNUSABLE');
    t.true(error?.message.includes(tls.certificate));
  }
});

/** The fingerprint of the certificate that a server shows. */
async function shownBy(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
    resolve(socket.getPeerCertificate().fingerprint256);
    socket.end();
  });
  socket.once('error', reject);
  return promise;
}
