// Shell completion: a small script that asks this command what may come next.
import { Argument, type Command } from 'commander'
import type { Context } from '../context.js'

const SHELLS = ['bash', 'zsh', 'fish'] as const

const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `_assistants() {
  local IFS=$'\\n'
  COMPREPLY=($(assistants __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  if [ "\${#COMPREPLY[@]}" -gt 0 ]; then
    COMPREPLY=("\${COMPREPLY[@]%%$'\\t'*}")
    local i
    for i in "\${!COMPREPLY[@]}"; do printf -v "COMPREPLY[$i]" '%q' "\${COMPREPLY[$i]}"; done
  fi
}
complete -o default -F _assistants assistants
`,
  zsh: `#compdef assistants
_assistants() {
  local -a found
  local line
  for line in "\${(@f)$(assistants __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#found} )); then _describe assistants found; else _files; fi
}
if [[ $funcstack[1] == _assistants ]]; then _assistants "$@"; else compdef _assistants assistants; fi
`,
  fish: `complete -c assistants -f -a '(assistants __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
complete -c assistants -n '__fish_contains_opt -s f file' -F
`,
}

const EXAMPLES = `
Examples:
  $ source <(assistants completion bash)                                       # this shell
  $ assistants completion bash > ~/.local/share/bash-completion/completions/assistants
  $ assistants completion zsh > "\${fpath[1]}/_assistants"
  $ assistants completion fish > ~/.config/fish/completions/assistants.fish`

export function register(command: Command, { output }: Context): void {
  command
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: (typeof SHELLS)[number]) => output.write(SCRIPTS[shell]))
}
