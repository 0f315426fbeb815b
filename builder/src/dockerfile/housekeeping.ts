/** Commands that leave nothing that belongs into an image, or what img does by itself. */
const harmless: readonly (readonly [program: RegExp, rest: RegExp])[] = [
  [
    /^(?:apt|apt-get)$/,
    /^(?:-\S+ )*(?:update|upgrade|dist-upgrade|full-upgrade|clean|autoclean|autoremove|purge --auto-remove)(?: -\S+)*$/,
  ],
  [/^apk$/, /^(?:-\S+ )*(?:update|upgrade|cache clean)(?: -\S+)*$/],
  [
    /^rm$/,
    /^-\S+(?: (?:\/var\/lib\/apt\/lists|\/var\/cache|\/var\/log|\/tmp|\/var\/tmp|\/root\/\.(?:cache|npm)|~\/\.cache|\/usr\/share\/(?:doc|man))\S*)+$/,
  ],
  [/^set$/, /^[-+]/],
  // A variable of a shell that ends with its line.
  [/^export$/, /^/],
  // A site that Debian's package doesn't have.
  [/^rm$/, /^(?:-\S+ )*\/etc\/nginx\/conf\.d\/default\.conf$/],
  [/^(?:true|:|cd|pwd|ls|echo|date|sync|id|whoami)$/, /^/],
  [/^(?:update-ca-certificates|ldconfig|fc-cache|update-alternatives)$/, /^/],
  [
    /^(?:pip3?|python3?)$/,
    /^(?:-m pip )?(?:install (?:-\S+ )*(?:pip|setuptools|wheel|uv)(?:[=<>~]\S+)?(?: (?:pip|setuptools|wheel|uv)(?:[=<>~]\S+)?)*|cache purge|--version)$/,
  ],
  [/^python3?$/, /^-m venv /],
  [/^(?:npm|yarn|pnpm)$/, /^(?:cache (?:clean|verify)|--version|config set |store prune)/],
  [/^(?:npm)$/, /^(?:install|i) (?:-g|--global) npm(?:@\S+)?$/],
  [/^go$/, /^mod (?:download|verify|tidy)/],
  [/^corepack$/, /^enable/],
  [/^(?:node|npm|python3?|java|nginx|php|ruby|go)$/, /^(?:--version|-v|-V|-version|-t)$/],
];

/** Whether a command needs no translation. */
export function isHousekeeping([program = '', ...rest]: readonly string[]): boolean {
  if (program === '') return true;
  const text = rest.join(' ');
  return harmless.some(([name, fits]) => name.test(program) && fits.test(text));
}
