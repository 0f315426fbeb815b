import type { Located, LocatedMap, LocatedText, Position } from './located.ts';

/** Access to the keys of a map that fits its schema: what the schema demands is there and of its type. */
export class LocatedFields {
  readonly #map: LocatedMap | undefined;

  constructor(map: Located | undefined) {
    this.#map = map?.kind === 'map' ? map : undefined;
  }

  has(key: string): boolean {
    return this.#map?.entries.has(key) === true;
  }

  /** Where the value stands; the map's own place if it is absent. */
  position(key: string): Position {
    return this.value(key)?.position ?? this.#map?.position ?? { line: 1, column: 1 };
  }

  value(key: string): Located | undefined {
    return this.#map?.entries.get(key)?.value;
  }

  /** The text of a scalar; undefined if it is absent. */
  text(key: string): string | undefined {
    const value = this.value(key);
    return value?.kind === 'text' ? value.text : undefined;
  }

  fields(key: string): LocatedFields {
    return new LocatedFields(this.value(key));
  }

  items(key: string): readonly Located[] {
    const value = this.value(key);
    return value?.kind === 'list' ? value.items : [];
  }

  /** A list of scalars; empty if it is absent. */
  texts(key: string): readonly LocatedText[] {
    return this.items(key).filter((item) => item.kind === 'text');
  }

  /** A map of scalars in the order of its keys' code units, so that the order in the file means nothing. */
  textMap(key: string): ReadonlyMap<string, string> {
    const value = this.value(key);
    if (value?.kind !== 'map') return new Map();
    const pairs = [...value.entries].flatMap(([name, entry]): [string, string][] => {
      return entry.value.kind === 'text' ? [[name, entry.value.text]] : [];
    });
    return new Map(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
