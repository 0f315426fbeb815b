/** What can follow a command. */
export type CompletionEntry = {
  /** The words before it: empty for the program itself, `key` or `key new`. */
  readonly path: string;
  /** Its own commands and its options. */
  readonly words: readonly string[];
};

/** A script for bash that completes the commands and options of `img`, and files where there are none. */
export function completionScript(entries: readonly CompletionEntry[]): string {
  const paths = entries.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  const cases = entries.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;\n`);
  return `_img() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${paths.join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases.join('')}  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _img img
`;
}
