# Sourced by scripts/fresh: every process that works in a root lives in namespaces of its own. When their first process
# ends, the kernel ends every other one in them and drops every mount, however this program itself has ended.

readonly NAMESPACES=(--mount --pid --ipc --uts --fork --kill-child) HIGHEST_ID=65534
user_namespace=()
running=

# An ordinary user may have the rights of root in a namespace of users, if the machine grants ids for that.
choose_namespaces() {
  local plainly refused
  plainly=$(unshare "${NAMESPACES[@]}" true 2>&1) && return 0
  user_namespace=(--user --map-auto --map-root-user)
  refused=$(with_highest_id 2>&1) && return 0
  if [[ $refused == *newuidmap* ]] && have_apt && have_rights; then
    say 'installing uidmap' >&2
    as_root "$scripts/apt-install" uidmap >&2
    refused=$(with_highest_id 2>&1) && return 0
  fi
  no_root "no namespaces here, neither as this user ($plainly) nor with a namespace of users ($refused); $(namespaces_cure)"
}

# Whether namespaces can be made that have all ids of a Debian, up to its highest.
with_highest_id() { with_ids unshare "${NAMESPACES[@]}" setpriv --reuid "$HIGHEST_ID" --regid "$HIGHEST_ID" --clear-groups true; }

# The commands after which this user gets namespaces: of several obstacles unshare names only the first.
namespaces_cure() {
  local commands=() line kind
  holds /proc/sys/kernel/unprivileged_userns_clone 0 && commands+=('sudo sysctl kernel.unprivileged_userns_clone=1')
  holds /proc/sys/kernel/apparmor_restrict_unprivileged_userns 1 &&
    commands+=('sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0')
  holds /proc/sys/user/max_user_namespaces 0 && commands+=('sudo sysctl user.max_user_namespaces=10000')
  command -v newuidmap >/dev/null || commands+=("$(install_command uidmap '')")
  for kind in subuids subgids; do
    line=$(grant_ids "$kind") && commands+=("$line")
  done
  if [ "$(id -u)" = 0 ] || [ ${#commands[@]} = 0 ]; then
    echo 'in a container, give it the rights of root (docker run --privileged)'
    return 0
  fi
  printf -v line ' && %s' "${commands[@]}"
  echo "run: ${line# && }"
}

holds() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; } # FILE VALUE

# Prints the command that grants this user enough ids, if it has not. Of several ranges of a user the first counts.
grant_ids() { # subuids|subgids
  local file=/etc/${1%s} first='' count=0 free options=
  [ -f "$file" ] || file=/dev/null
  IFS=: read -r _ first count < <(grep -E "^($(id -un)|$(id -u)):" "$file")
  ((${count:-0} < HIGHEST_ID)) || return 1
  [ -z "$first" ] || options="--del-$1 $first-$((first + count - 1)) "
  free=$(awk -F: 'BEGIN { free = 100000 } $2 + $3 > free { free = $2 + $3 } END { print free }' "$file")
  echo "sudo usermod $options--add-$1 $free-$((free + HIGHEST_ID + 1)) $(id -un)"
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
