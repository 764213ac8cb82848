#compdef swarm
# Completion of swarm for zsh. For this shell:    source <(swarm completion zsh)
# For every new one: swarm completion zsh > "${fpath[1]}/_swarm"
_swarm() {
  local line program=${words[1]/#\~/$HOME}
  local -a lines values shown
  lines=("${(@f)$("$program" __complete zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null </dev/null)}")
  for line in $lines; do
    case $line in
      :files) _files; return ;;
      :directories) _files -/; return ;;
      *)
        values+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  -- }")
        ;;
    esac
  done
  (( $#values )) && compadd -V swarm -l -d shown -a values
}
# Sourced, it is told what it is for; found in fpath, this file itself is the function.
if [[ ${funcstack[1]} == _swarm ]]; then _swarm "$@"; else compdef _swarm swarm; fi
