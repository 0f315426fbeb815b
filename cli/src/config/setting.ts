/** A configured text and where it was written, for messages and for `img config`. */
export type Setting = {
  readonly text: string;
  /** `built in`, a file with line and column, a variable or an option. */
  readonly origin: string;
};

/** The settings that are one text each. */
export const settingKeys = ['registries.default', 'mirror', 'root', 'run', 'cache', 'keys'] as const;

export type SettingKey = (typeof settingKeys)[number];

/** Settings from one place. What is absent is decided by a place of lower rank. */
export type SettingsLayer = {
  readonly texts: { readonly [key in SettingKey]?: Setting };
  /** Short names of registries; each is decided on its own. */
  readonly aliases: ReadonlyMap<string, Setting>;
  /** Folders of trust documents, of ascending rank; decided as a whole. */
  readonly trust: readonly Setting[] | undefined;
};

/** Lets later layers overrule earlier ones. */
export function mergeLayers(layers: readonly SettingsLayer[]): SettingsLayer {
  return {
    texts: Object.assign({}, ...layers.map(({ texts }) => texts)) as SettingsLayer['texts'],
    aliases: new Map(layers.flatMap(({ aliases }) => [...aliases])),
    trust: layers.findLast(({ trust }) => trust !== undefined)?.trust,
  };
}
