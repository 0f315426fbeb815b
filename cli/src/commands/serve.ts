import cluster from 'node:cluster';
import { once } from 'node:events';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { aliasOf } from '../host/short-name.ts';
import { bold } from '../output/text.ts';
import { addServeOptions, countWorkers, type ServeOptions, usualListen } from '../serve/serve-options.ts';
import { readServeSettings } from '../serve/serve-settings.ts';
import type { ServedFacts } from '../serve/start-served.ts';
import { stopping } from '../serve/stopping.ts';

export function configure(command: Command, context: CommandContext): void {
  addServeOptions(command);
  command.addHelpText('after', storesHelp);
  command.addHelpText('after', cacheHelp);
  command.addHelpText('after', workersHelp);
  addExamples(
    command,
    'img serve',
    "img serve --listen 0.0.0.0:5000 --public '*'",
    'img serve --listen 127.0.0.1:0 --json',
    'img serve --listen 0.0.0.0:443 --tls-certificate server.pem --tls-key key.pem --metrics 127.0.0.1:9090',
    'img serve --settings /etc/img/registry.yaml',
    'img serve --copies hub/=docker.io --public hub/',
    'img serve --workers 4',
    'img serve --storage s3://images?region=eu-central-1 --database postgres://registry@db.example.com/registry',
  );
  onRun(command, context, serve);
}

async function serve(
  session: Session,
  { settings, ...given }: ServeOptions & { readonly settings?: string },
): Promise<void> {
  if (cluster.isWorker) {
    const { serveAsWorker } = await import('../serve/workers/serve-as-worker.ts');
    return serveAsWorker(session);
  }
  const read = settings === undefined ? {} : await readServeSettings(session.environment, settings);
  const options = { ...read, ...given };
  const count = countWorkers(session.environment, options);
  if (count === 1) return serveAlone(session, options);
  const { serveWithWorkers } = await import('../serve/workers/serve-with-workers.ts');
  const tell = (facts: ServedFacts, pids: readonly number[]) => tellOf(session, options, facts, pids);
  await serveWithWorkers(session, options, { count, tell });
}

async function serveAlone(session: Session, options: ServeOptions): Promise<void> {
  const { startServed } = await import('../serve/start-served.ts');
  const { output, signal } = session;
  await using served = await startServed(session, options);
  tellOf(session, options, served.facts);
  if (!signal.aborted) await once(signal, 'abort');
  output.story(stopping);
}

/** Tells what serves where, and what to do next. */
function tellOf(
  { config, output }: Session,
  options: ServeOptions,
  facts: ServedFacts,
  workers?: readonly number[],
): void {
  const { url, host, administrator, metricsUrl, stores } = facts;
  const { name, newPassword } = administrator;
  output.result({ url, host, metricsUrl, administrator: { name, newPassword }, workers }, () => [
    ['registry: ', bold(url)],
    ...(newPassword === undefined ? [] : [[`password of ${name}, shown only now: `, bold(newPassword)]]),
  ]);
  if (workers !== undefined) output.story(`its workers are the processes ${workers.join(', ')}`);
  for (const store of stores) output.story(`uses ${store}`);
  for (const { names, registry } of options.copies ?? []) output.story(`copies ${registry} as ${names}`);
  const alias = aliasOf(host, config);
  if (alias === undefined) {
    output.story(
      'to give it a short name, write into config.yaml (img config --help says where):',
      `  registries: {aliases: {work: "${addressOf(url, options)}"}}`,
    );
  }
  output.story(`its pages are at ${url}, for browsers`);
  if (metricsUrl !== undefined) output.story(`its metrics are at ${metricsUrl}, for Prometheus`);
  output.story(`log in with img login ${alias ?? host} --username ${name}; stop with Ctrl-C`);
}

/** How other hosts reach it, as config.yaml has it: without encryption only where that is said. */
function addressOf(url: string, { listen = usualListen, publicUrl }: ServeOptions): string {
  const { protocol, host, port } = new URL(publicUrl ?? url);
  if (protocol === 'https:' || isLoopback(listen.address)) return host;
  const isAnyAddress = listen.address === '0.0.0.0' || listen.address === '::';
  return `http://${isAnyAddress && publicUrl === undefined ? `${hostname()}:${port || 80}` : host}`;
}

function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || address.startsWith('127.');
}

const cacheHelp = `
Copies of other registries, brought when they are asked for, with their signatures; --copies hub/=docker.io, or in a
file of settings:

  copies:
    - names: hub/                        hub/library/debian here is library/debian there; "*" for all names
      registry: docker.io                [http[s]://]HOST[:PORT]
      fresh-minutes: 10                  how long a tag is not asked for again
      keep-days: 30                      what nobody has pulled for so long goes; it stays by default
      keep-gigabytes: 100                then those go that were pulled longest ago; any size by default
      username: example                  who this registry is there; whoever may pull the names gets what that user may
      password-file: hub-password        a file with nothing else in it
      certificates: ca.pem               certificates to trust, in PEM
    Nobody pushes to such names. What is here is served when the other registry fails, with a Warning header.
    Docker's mirrors need names: "*"; containerd's name the registry that they mean (ns=).`;

const storesHelp = `
Any number of processes can serve one registry that has both of these, behind any load balancer:

  --storage s3://BUCKET[/PREFIX][?PARAMETERS], or IMG_STORAGE
    endpoint=https://HOST[:PORT]         another storage than Amazon's
    region=us-east-1                     where the bucket is
    path-style=true|false                whether the bucket is in the path; true with an endpoint
    ca=FILE                              certificates to trust, in PEM
    redirect=true|false                  whether clients read blobs from the storage itself
    public-endpoint=https://HOST[:PORT]  where clients reach the storage; sets redirect
    The credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in the file
    AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials), section AWS_PROFILE.

  --database postgres://USER@HOST[:PORT]/DATABASE[?PARAMETERS], or IMG_DATABASE
    host=/run/postgresql                 the folder of a Unix socket, after postgres://USER@/DATABASE
    sslmode=disable|require|verify-full  verify-full by default, disable on this machine
    sslrootcert=FILE                     certificates to trust, in PEM
    connections=16                       how many one process opens at most
    The password is in IMG_DATABASE (postgres://USER:PASSWORD@…), PGPASSWORD or the file PGPASSFILE.`;

const workersHelp = `
Workers (--workers, IMG_WORKERS) are processes that share the address and everything that is stored; one more looks after
them. Each takes about 100 MB of memory, and as many connections to PostgreSQL as its URL says. A worker that ends is
replaced; SIGTERM or Ctrl-C ends all as soon as they have answered what is under way. What users may do is for all
together, each worker allows its share; uploads at once are counted by each. Lines of the log and metrics say which
worker they are of; all metrics are at one address.`;
