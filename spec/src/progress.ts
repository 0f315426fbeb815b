/**
 * What long work reports while it runs. Libraries emit these and never print; the command line draws them.
 * An item begins with `start`, may `advance`, and ends with `done` or `skip` (nothing had to be done; needs no
 * `start`). An item that fails just stops: the error tells why.
 */
export type ProgressEvent =
  | {
      readonly kind: 'start';
      /** Identifies the item among those at work at the same time, for example its digest. */
      readonly item: string;
      /** What is done with what, for people: `pull layer sha256:1234…`. */
      readonly what: string;
      /** Undefined where nobody knows it. */
      readonly totalBytes?: number;
    }
  /** So many bytes more than at the event before. */
  | { readonly kind: 'advance'; readonly item: string; readonly bytes: number }
  | { readonly kind: 'done'; readonly item: string }
  | { readonly kind: 'skip'; readonly item: string; readonly what: string; readonly reason: string }
  /** A sentence of the story, for people; also a warning. */
  | { readonly kind: 'note'; readonly text: string };

/** Receives progress; must not throw. */
export type ProgressListener = (event: ProgressEvent) => void;
