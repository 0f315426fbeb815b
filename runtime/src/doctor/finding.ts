/** What was found out about one thing that this host has or lacks. */
export type Finding = {
  readonly subject: string;
  /** `limited`: apps run, but worse than they could; `missing`: they do not run. */
  readonly verdict: 'good' | 'limited' | 'missing';
  readonly text: string;
  /** How to get what is missing. */
  readonly hint?: string;
  /** More of it, a line each. */
  readonly details?: readonly string[];
};
