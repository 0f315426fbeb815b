import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Files in PEM. */
export type CertificateFiles = { readonly key: string; readonly certificate: string };

/** Makes a key and a certificate, signed by itself, for servers of loopback under the name or address; with openssl. */
export function makeCertificate(folder: string, name: 'DNS:localhost' | 'IP:127.0.0.1'): CertificateFiles {
  const files = { key: join(folder, 'key.pem'), certificate: join(folder, 'certificate.pem') };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', files.key];
  const names = ['-subj', '/CN=certificate of tests', '-addext', `subjectAltName=${name}`];
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...key, ...names, '-out', files.certificate], {
    stdio: 'ignore',
  });
  return files;
}
