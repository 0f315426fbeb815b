import { AggregatorRegistry, Gauge, type MetricObjectWithValues, type MetricValue } from 'prom-client';

/** The metrics of one process as data, to be sent to another one. */
export type MetricFamilies = readonly MetricObjectWithValues<MetricValue<string>>[];

/**
 * The metrics of workers as one text, in the format of Prometheus: what each has counted, which says by its label whose
 * it is, and once what all of them share. Counters of different workers are not added up: the sum would fall when one of
 * them is replaced, and a sum that falls means to Prometheus that everything was counted again.
 */
export async function mergeFamilies(workers: readonly MetricFamilies[]): Promise<string> {
  // What has the same labels twice is the same value twice.
  const families = workers.map((all) => all.map((family) => ({ ...family, aggregator: 'first' })));
  const registry = AggregatorRegistry.aggregate(families);
  new Gauge({
    name: 'img_registry_workers',
    help: 'Workers that these metrics are of.',
    registers: [registry],
  }).set(workers.length);
  return registry.metrics();
}
