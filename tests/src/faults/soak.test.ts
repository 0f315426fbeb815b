import { findProgram } from '@img/sign/testing/needs';
import test from 'ava';
import { runSoak } from '../../soak/run-soak.ts';
import { canSoak } from '../../soak/stage.ts';

const operations = 60;
const kills = 1;

test('a registry of three processes that are killed and cut off loses nothing, leaves nothing and dangles nothing', async (t) => {
  if (!canSoak()) {
    t.log(
      'NOT TESTED: needs PostgreSQL, and versitygw or minio, which npm run tools compiles where there is Go',
    );
    if (process.env['IMG_REQUIRE_TOOLS'] === '1' && findProgram('go') !== undefined)
      t.fail('nothing may be left out');
    t.pass();
    return;
  }
  const { violations } = await runSoak({
    seed: 1,
    lanes: 6,
    // How much of each kind has come by then is up to the machine, and something has to be there to be kept.
    goesOn: (soFar) => soFar.operations < operations || soFar.kills < kills || soFar.kept.size === 0,
    onProgress: (text) => t.log(text),
  });
  t.deepEqual(violations, []);
});
