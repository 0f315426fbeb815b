import type { TrustPolicy } from '@img/sign/trust-policy';
import type { NamePrefix } from '@img/spec/name-prefix';
import type { RegistryHost } from '@img/spec/registry-host';
import type { DestinationStream } from 'pino';
import type { Database } from '../metadata/database.ts';
import type { ScrubSchedule } from '../scrub/scrub-when-due.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { UpstreamOptions } from './cache/upstream.ts';
import type { MetricFamilies } from './metrics/merge-families.ts';
import type { ServerLimits } from './server-limits.ts';
import type { TlsFiles } from './tls-files.ts';

/** One of several processes that serve one address, and that share all else that the options name. */
export type Worker = {
  /** From 1 on; named in the lines of the log and in the metrics. */
  readonly number: number;
  /** How many there are, each of which allows users its share of their requests and log-ins. */
  readonly count: number;
  /** Whether metrics are counted, for whoever asks all workers for their {@link RunningRegistry.families}. */
  readonly isMeasured: boolean;
};

export type RegistryOptions = {
  /** Where the registry keeps its data; made if it isn't there. Not touched if blobs and database are elsewhere. */
  readonly dataFolder: string;
  /** Address to listen on; 127.0.0.1 by default. */
  readonly address?: string;
  /** Port to listen on; 0, the default, is any free one. */
  readonly port?: number;
  /** For HTTPS; HTTP by default, for a proxy in front. */
  readonly tls?: TlsFiles;
  /** Where Prometheus reads metrics, without a password; nowhere by default. */
  readonly metrics?: { readonly address: string; readonly port: number };
  /** Which of several processes on one machine this is that serve one address; the only one by default. */
  readonly worker?: Worker;
  /** Who may do everything; `admin` by default. */
  readonly administrator?: {
    readonly name?: string;
    /** By default one is made up at the first start, and told once. */
    readonly password?: string;
  };
  /** Names that everybody may pull; none by default. */
  readonly anonymousPull?: readonly NamePrefix[];
  /** Where clients reach the registry, if not where they send their requests: `https://registry.example.com`. */
  readonly publicUrl?: string;
  /** Whether a proxy in front sets X-Forwarded-For, -Host and -Proto, and nobody can get past it. */
  readonly isBehindProxy?: boolean;
  /**
   * Networks such as `10.0.0.0/8` whose clients can't reach the blob store: they get the bytes of blobs from the
   * registry, also where it sends others to the store.
   */
  readonly nearNetworks?: readonly string[];
  /** Names that are copies of what other registries have, brought as they are asked for; none by default. */
  readonly upstreams?: readonly UpstreamOptions[];
  /** The registry's own keyring: whom its pages show as the signers of images. */
  readonly trust?: TrustPolicy;
  /** When everything that is stored is read again, to find what is lost or damaged; never by default. */
  readonly scrub?: ScrubSchedule;
  /** Where log lines go, as JSON; nowhere by default. */
  readonly log?: DestinationStream;
  readonly limits?: Partial<ServerLimits>;
  /** Milliseconds since 1970; the machine's clock by default. */
  readonly clock?: () => number;
  /** Where blobs are kept, if not in the data folder; not closed by the registry. */
  readonly blobs?: BlobStore;
  /** Where metadata are kept, if not in the data folder; not closed by the registry. */
  readonly database?: Database;
};

export type RunningRegistry = {
  /** As references name it: `127.0.0.1:5000`. */
  readonly host: RegistryHost;
  readonly port: number;
  readonly url: string;
  /** Where metrics are, if they are anywhere. */
  readonly metricsUrl: string | undefined;
  /** The metrics of this process; none where they are not counted. */
  families(): Promise<MetricFamilies>;
  readonly administrator: {
    readonly name: string;
    /** The password that was made up just now; nobody can ask for it again. */
    readonly newPassword: string | undefined;
  };
  /** Takes no new requests, waits until those under way are answered, then closes; again is harmless. */
  close(options?: {
    /** Stops the waiting: requests under way are cut off. */
    readonly signal?: AbortSignal;
  }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};
