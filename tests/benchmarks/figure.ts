import { type Command, timeCommand } from './command.ts';

/** One who does the job of a figure. */
export type Contestant = {
  readonly tool: 'img' | 'buildah' | 'skopeo' | 'podman' | 'cosign';
  /** Makes the same start for each round; not timed. */
  readonly prepare?: (round: number) => Promise<unknown>;
  readonly command: Command;
};

/** A job that several tools can do, and what differs between how they do it. */
export type Figure = {
  readonly title: string;
  readonly note: string;
  readonly contestants: readonly Contestant[];
};

/** Milliseconds of each round by tool. */
export type Times = ReadonlyMap<Contestant['tool'], readonly number[]>;

/**
 * Times every contestant once in each round, one after the other, so that whatever else the machine does meets all
 * of them alike. Who begins changes from round to round.
 */
export async function measureFigure(
  { contestants }: Figure,
  rounds: readonly number[],
  onTime: (tool: Contestant['tool'], milliseconds: number) => void,
): Promise<Times> {
  const times = new Map<Contestant['tool'], number[]>(contestants.map(({ tool }) => [tool, []]));
  for (const round of rounds) {
    for (const index of contestants.keys()) {
      const contestant = contestants[(index + round) % contestants.length];
      if (contestant === undefined) continue;
      await contestant.prepare?.(round);
      const time = await timeCommand(contestant.command);
      times.get(contestant.tool)?.push(time);
      onTime(contestant.tool, time);
    }
  }
  return times;
}
