import { readIgnoreRules } from '../files/read-ignore-rules.ts';
import { walkSource } from '../files/walk-source.ts';

import { type AppContext, type AppPlan, noStart } from './app-plan.ts';
import { sourceLayer } from './source-layer.ts';

/** Files as they are. */
export async function planFiles({ rule, folder }: AppContext): Promise<AppPlan> {
  const entries = await walkSource(folder, rule.from, await readIgnoreRules(folder));
  return { layers: [sourceLayer(rule, entries)], start: noStart };
}
