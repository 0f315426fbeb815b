import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { needsAbility, needsRoot } from '@img/sign/testing/needs';
import { digestOf } from '@img/spec/digest';
import test from 'ava';

const script = `
import { treeFiles } from ${JSON.stringify(join(import.meta.dirname, 'tree-files.ts'))};
console.log(treeFiles('/store', '${digestOf(Buffer.from('manifest'))}').checkoutFolder);`;

for (const [option, folder, reason] of [
  ['--map-root-user', '/store/mapped', 'root of a user namespace keeps the owners that it has'],
  ['--map-user=1000', '/store/checkouts', 'others keep none there, as anywhere'],
] as const) {
  test(`treeFiles() with ${option}: ${reason}`, (t) => {
    if (!needsRoot(t)) return;
    const inNamespace = (...words: readonly string[]) =>
      spawnSync('unshare', ['--user', option, ...words], { encoding: 'utf8' });
    if (!needsAbility(t, inNamespace('true').status === 0, 'user namespaces')) return;
    const { stdout, stderr } = inNamespace(process.execPath, '--input-type=module', '--eval', script);
    t.is(stdout, `${folder}\n`, stderr);
  });
}
