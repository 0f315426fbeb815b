/** A place in a text file; both count from 1. */
export type Position = { readonly line: number; readonly column: number };

/** A value of an img.yaml that knows where it stands. Scalars are kept as they are written: `1.10` is text. */
export type Located = LocatedText | LocatedList | LocatedMap;

export type LocatedText = { readonly kind: 'text'; readonly position: Position; readonly text: string };

export type LocatedList = {
  readonly kind: 'list';
  readonly position: Position;
  readonly items: readonly Located[];
};

export type LocatedMap = {
  readonly kind: 'map';
  readonly position: Position;
  readonly entries: ReadonlyMap<string, LocatedEntry>;
};

export type LocatedEntry = { readonly keyPosition: Position; readonly value: Located };
