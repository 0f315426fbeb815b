import type { MetricFamilies } from '@img/registry/server/metrics/merge-families';
import type { Worker } from '@img/registry/server/registry-options';
import type { ServeOptions } from '../serve-options.ts';
import type { ServedFacts } from '../start-served.ts';

/** What a worker is told when it asks, so that all serve the same, whatever a file of settings says by then. */
export type ServeOrder = {
  readonly kind: 'serve';
  readonly options: ServeOptions;
  readonly worker: Worker;
  /** Whether it is the one that sees to the administrator: once, not again when a worker is replaced. */
  readonly isFirst: boolean;
};

/** What the supervisor tells a worker. */
export type ToWorker =
  | ServeOrder
  | { readonly kind: 'families'; readonly id: number }
  /** Answer what is under way, and end. */
  | { readonly kind: 'stop' };

/** What a worker tells its supervisor. */
export type FromWorker =
  /** It listens to what it is told. */
  | { readonly kind: 'awake' }
  | { readonly kind: 'ready'; readonly facts: ServedFacts }
  /** Undefined where its database doesn't answer. */
  | { readonly kind: 'families'; readonly id: number; readonly families: MetricFamilies | undefined };
