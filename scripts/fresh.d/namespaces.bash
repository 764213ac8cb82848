# Sourced by scripts/fresh: every process that works in a root lives in namespaces of its own. When their first process
# ends, the kernel ends every other one in them and drops every mount, however this program itself has ended.

readonly NAMESPACES=(--mount --pid --ipc --uts --fork --kill-child)
user_namespace=()
running=

# An ordinary user may have the rights of root in a namespace of users, if the machine grants ids for that.
choose_namespaces() {
  local as_root as_user
  as_root=$(unshare "${NAMESPACES[@]}" true 2>&1) && return 0
  user_namespace=(--user --map-auto --map-root-user)
  as_user=$(with_ids unshare "${NAMESPACES[@]}" true 2>&1) && return 0
  no_root "no namespaces here, neither as this user ($as_root) nor with a namespace of users ($as_user)"
}

# Runs a program as the user to whom the files of a root belong.
with_ids() {
  if [ ${#user_namespace[@]} = 0 ]; then "$@"; else unshare "${user_namespace[@]}" "$@"; fi
}

# Runs a program as root in new namespaces, and waits for it.
isolated() {
  local code
  # A process group of its own: Ctrl-C reaches this shell alone, and programs inside do not inherit SIGINT ignored.
  set -m
  setpriv --pdeathsig KILL unshare "${user_namespace[@]}" "${NAMESPACES[@]}" "$@" </dev/null &
  running=$!
  set +m
  wait "$running"
  code=$?
  running=
  return "$code"
}

# Ends the first process in the namespaces, with which every other one and unshare end.
end_namespaces() {
  local first=
  [ -n "$running" ] || return 0
  read -r first _ <"/proc/$running/task/$running/children"
  kill -KILL "${first:-$running}"
  wait "$running"
  running=
} 2>/dev/null
