# Sourced by scripts/fresh: the two roots that a run begins with, kept as archives: `base` has git, sudo and a person,
# `node` Debian's own nodejs and npm too.

readonly KEPT_DAYS=7 MAKING_SECONDS=900

# What goes into an archive; another answer makes it anew.
recipe() {
  apt_sources
  cat "$parts/mirror.bash" "$parts/bootstrap" "$parts/inside/node.bash"
}

ensure_archives() {
  local kept=$cache/$suite/recipe
  (umask 077 && mkdir -p "$cache/$suite/archives") || no_root "cannot write to $cache"
  if [ -n "$(find "$kept" -mtime "-$KEPT_DAYS" 2>/dev/null)" ] && cmp -s "$kept" <(recipe); then return 0; fi
  find_debian
  say "making a new Debian ($suite); it is kept for $KEPT_DAYS days in $cache" >&2
  rm -f "$kept"
  make_archives >"$cache/$suite/log" 2>&1 || not_made "$?" "$cache/$suite/log"
  recipe >"$kept"
}

not_made() { # CODE LOG
  local last
  last=$(tail -n 1 "$2")
  case $1 in
    124 | 137) no_root "not made within $MAKING_SECONDS s; the last that was heard: ${last:-nothing} (all of it: $2)" ;;
    *) no_root "${last:-making it ended with code $1 and without a word} (all of it: $2)" ;;
  esac
}

make_archives() {
  local target=$cache/roots/new
  mkdir "$target" &&
    in_time "$parts/bootstrap" "$target" "$cache/$suite/archives" "$suite" ${mirror:+"$mirror"} &&
    write_sources "$target" &&
    keep "$target" base &&
    give_network "$target" &&
    in_time "$parts/enter" "$target" "$cache" "$suite" node.bash &&
    keep "$target" node &&
    with_ids rm -rf "$target"
}

# As `isolated`, ended after MAKING_SECONDS. timeout is not the first process in there: to that of coreutils 9.10 a parent
# with the id 1 means that its caller is gone, and it ends at once.
in_time() { isolated bash -c 'timeout "$@"; exit' - "$MAKING_SECONDS" "$@"; }

# Where apt of this machine names no Debian, the root's own names the mirror that debootstrap has chosen.
write_sources() { # ROOT
  [ -z "$sources" ] || printf '%s' "$sources" >"$1/etc/apt/sources.list"
}

keep() { # ROOT NAME
  with_ids tar -C "$1" --exclude=./etc/fresh --exclude=./home/ada/.npmrc --exclude='./etc/apt/auth.conf*' --exclude='./var/lib/apt/lists/*' \
    -cf "$cache/$suite/$2.tar" .
}

# Sets fresh, a root made of an archive, with the way to the network and the clone.
open_root() { # NAME
  [ -z "${fresh:-}" ] || with_ids rm -rf "$fresh"
  fresh=$cache/roots/$1
  mkdir "$fresh" && with_ids tar -C "$fresh" -xf "$cache/$suite/$1.tar" && give_network "$fresh" && clone_head "$fresh" ||
    no_root "a root cannot be made of $cache/$suite/$1.tar"
}

inside() { # SCRIPT ARGUMENT…
  isolated "$parts/enter" "$fresh" "$cache" "$suite" "$@"
}
