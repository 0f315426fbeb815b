/** What logs have done that somebody has to look at. */
export type Alarm = {
  /** One has signed that it has what it did not have before. */
  readonly isForked: boolean;
  /** One has what an own key signed elsewhere. */
  readonly isStrange: boolean;
};

/** What to do about alarms: those of own keys end when they are acknowledged, that of a fork never does. */
export function alarmAdvice({ isForked, isStrange }: Alarm): readonly string[] {
  const fork =
    'ask those who have the registry: a log that contradicts itself proves nothing any more, and stays an alarm';
  const strange =
    'ask those who have the keys and the registry; img log monitor --acknowledge ends the alarm';
  return [...(isForked ? [fork] : []), ...(isStrange ? [strange] : [])];
}
