# Sourced by scripts/setup: printing, questions and locks.

say() { echo "swarm: $1"; }

# fail WHAT CURE
fail() {
  say "$1"
  say "$2"
  exit 1
}

# Yes without a question under --yes; no where there is no person to answer.
ask() {
  [ -n "$yes" ] && return 0
  [ -t 0 ] && [ -t 2 ] || return 1
  local answer
  read -r -p "swarm: $1 [Y/n] " answer || return 1
  case ${answer:-y} in [Yy]*) return 0 ;; *) return 1 ;; esac
}

# one_at_a_time LOCK-FILE WORDS: holds the lock until this program ends; prints WORDS where it has to wait
one_at_a_time() {
  command -v flock >/dev/null || return 0
  exec 9>"$1" || exit 1
  flock -n 9 && return 0
  say "$2"
  flock 9
}

# version_at_least HAVE MAJOR.MINOR; HAVE may be '3.3a' or 'next-3.4'; a version without numbers counts as new
version_at_least() {
  [[ $1 =~ ([0-9]+)(\.([0-9]+))? ]] || return 0
  local major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[3]:-0}
  ((major > ${2%%.*} || (major == ${2%%.*} && minor >= ${2#*.})))
}

# replace_file FILE CONTENT: readers see the old or the new, never a part
replace_file() {
  printf '%s\n' "$2" >"$1.$$" && mv -f "$1.$$" "$1"
}
