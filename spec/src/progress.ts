/**
 * What long work reports while it runs. Libraries emit these and never print; the command line draws them.
 * An item begins with `start`, may `advance`, and ends with `done` or `skip` (nothing had to be done).
 */
export type ProgressEvent =
  | { readonly kind: 'start'; readonly item: string; readonly what: string; readonly totalBytes?: number }
  | { readonly kind: 'advance'; readonly item: string; readonly bytes: number }
  | { readonly kind: 'done'; readonly item: string }
  | { readonly kind: 'skip'; readonly item: string; readonly what: string; readonly reason: string }
  | { readonly kind: 'note'; readonly text: string };

/** Receives progress; must not throw. */
export type ProgressListener = (event: ProgressEvent) => void;
