import { setTimeout } from 'node:timers/promises';
import type { PostgresDatabase } from '@img/registry/metadata/postgres/postgres-database';
import { putPolicy } from '@img/registry/metadata/retention-policies';
import type { RetentionPolicy } from '@img/registry/retention/retention-policy';
import { Lane, repositories } from './lane.ts';
import { Random } from './random.ts';
import { Stage } from './stage.ts';
import { Tally } from './tally.ts';
import { findViolations } from './verdict.ts';

export type SoakOptions = {
  /** What is done, and which request is lost, follows from it; how fast is up to the machine. */
  readonly seed: number;
  /** Whether to go on, asked after each operation. */
  readonly goesOn: (tally: Tally) => boolean;
  readonly lanes?: number;
  readonly processes?: number;
  /** Pauses between two disasters, in milliseconds at most: with longer ones more is done, and less is broken off. */
  readonly calmMs?: number;
  /** Told now and then. */
  readonly onProgress?: (text: string) => void;
};

export type SoakResult = {
  readonly tally: Tally;
  readonly cuts: number;
  readonly violations: readonly string[];
};

const policy: RetentionPolicy = { latest: 40, untaggedDays: 0 };

/** Of requests to the database and the storage while connections break. */
const faultRate = 0.002;

/**
 * Does all that clients do to several processes of one registry at once, kills them and cuts their connections, then
 * collects what is left and looks for what is lost, dangling or left behind.
 */
export async function runSoak({
  seed,
  goesOn,
  lanes: laneCount = 8,
  processes = 3,
  calmMs = 3000,
  onProgress = () => undefined,
}: SoakOptions): Promise<SoakResult> {
  await using stage = await Stage.open({ seed, processes });
  const tally = new Tally();
  await stage.withDatabase(setPolicies);
  const lanes = Array.from({ length: laneCount }, (_, index) => {
    const random = new Random(seed + 100 + index);
    return new Lane({ name: `l${index}`, random, tally, urls: () => stage.urls() });
  });
  const over = new AbortController();
  const disasters = causeDisasters(stage, new Random(seed + 2), {
    processes,
    calmMs,
    tally,
    signal: over.signal,
    onProgress,
  });
  try {
    await Promise.all(
      lanes.map(async (lane) => {
        while (goesOn(tally) && tally.violations.length === 0) await lane.step();
      }),
    );
  } finally {
    over.abort();
    await disasters;
    await Promise.all(lanes.map((lane) => lane.close()));
  }
  onProgress(
    `${tally.operations} operations, ${tally.kills} kills, ${stage.cuts()} cuts; collecting what is left`,
  );
  const found = await stage.inspect((database, blobs) => findViolations(database, blobs, tally));
  return { tally, cuts: stage.cuts(), violations: [...tally.violations, ...found] };
}

async function setPolicies(database: PostgresDatabase): Promise<void> {
  await database.transaction(async (writer) => {
    for (const name of repositories) {
      await putPolicy(writer, { kind: 'repository', name }, { policy: JSON.stringify(policy), run_at: 0 });
    }
  });
}

type DisasterOptions = Pick<Required<SoakOptions>, 'processes' | 'calmMs' | 'onProgress'> & {
  readonly tally: Tally;
  readonly signal: AbortSignal;
};

/** Kills processes and cuts connections, with calm in between, until it is over. */
async function causeDisasters(
  stage: Stage,
  random: Random,
  { processes, calmMs, tally, signal, onProgress }: DisasterOptions,
): Promise<void> {
  stage.setRate(faultRate);
  while (!signal.aborted) {
    await setTimeout(random.next() * calmMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const dice = random.below(3);
    if (dice === 0) await stage.cutDatabase();
    if (dice === 1) stage.setRate(random.below(2) * faultRate);
    if (dice === 2) {
      const victim = random.below(processes);
      await stage.kill(victim);
      tally.kills += 1;
      onProgress(`process ${victim} was killed and is back`);
    }
  }
  stage.setRate(0);
}
