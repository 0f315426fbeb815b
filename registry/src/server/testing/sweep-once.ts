import { pino } from 'pino';
import type { Database } from '../../metadata/database.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { PullNotes } from '../pull-notes.ts';
import { Recorder } from '../recorder.ts';
import { defaultLimits } from '../server-limits.ts';
import { Sweeper } from '../sweeper.ts';

/** One round of cleaning up, as another process of the registry would do it so much later. */
export async function sweepOnce(database: Database, blobs: BlobStore, hoursAhead: number): Promise<void> {
  const clock = () => Date.now() + hoursAhead * 3_600_000;
  const log = pino({ enabled: false });
  const pulls = new PullNotes({ database, clock });
  const shared = { database, blobs, limits: defaultLimits, log, clock };
  await new Sweeper({ ...shared, pulls, recorder: new Recorder(shared) }).sweep();
}
