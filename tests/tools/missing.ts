/** A tool that could not be installed. */
export type Missing = {
  readonly name: string;
  readonly reason: string;
  /** Whether IMG_REQUIRE_TOOLS=1 demands it. */
  readonly isRequired: boolean;
};
