import type { AppContext, AppPlan } from './app-plan.ts';
import { planFiles } from './plan-files.ts';
import { planGo } from './plan-go.ts';
import { planJar } from './plan-jar.ts';
import { planNode } from './plan-node.ts';
import { planPython } from './plan-python.ts';

/**
 * Looks at an app.
 *
 * @throws BuilderError SOURCE_*, APP_*, and those of its kind
 */
export async function planApp(context: AppContext): Promise<AppPlan> {
  switch (context.rule.kind) {
    case 'files':
      return await planFiles(context);
    case 'go':
      return await planGo(context);
    case 'jar':
      return await planJar(context);
    case 'node':
      return await planNode(context);
    case 'python':
      return await planPython(context);
  }
}
