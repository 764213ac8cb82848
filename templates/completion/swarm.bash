# Completion of swarm for bash. For this shell:    eval "$(swarm completion bash)"
# For every new one: swarm completion bash > ~/.local/share/bash-completion/completions/swarm
_swarm() {
  local line program=${1/#\~/$HOME}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default 2>/dev/null ;;
      :directories) compopt -o dirnames 2>/dev/null ;;
      *) COMPREPLY+=("$line") ;;
    esac
  done < <("$program" __complete bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
}
complete -o nosort -F _swarm swarm 2>/dev/null || complete -F _swarm swarm
