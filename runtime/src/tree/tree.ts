/** How a host can show a tree, the best first. */
export const treeMethods = ['erofs', 'loop', 'checkout'] as const;

export type TreeMethod = (typeof treeMethods)[number];

/**
 * The file system of one image on this host, checked and ready to be shown at a path. Made by
 * `prepareTree`; holds no open files and no mounts, so there is nothing to close.
 */
export type Tree = {
  /**
   * `erofs`: one metadata image whose contents point into the layers' tar files; `loop`: the same, by way of loop
   * devices; `checkout`: plain folders.
   */
  readonly method: TreeMethod;
  /**
   * Mounts the tree read-only at an empty folder. Called in a mount namespace of its own, so that nothing can
   * be left behind.
   */
  mount(target: string): void;
};
