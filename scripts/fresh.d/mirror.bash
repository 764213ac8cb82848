# Sourced by scripts/fresh: the archives of Debian that apt of this machine names.

# Sets mirror, empty where apt names none (then debootstrap has one), and sources, the lines for the root's own apt.
find_debian() {
  local uri name part
  mirror='' sources=''
  if [ "$suite" = sid ] && uri=$(snapshot) && is_debian "$uri" sid; then
    mirror=$uri sources="deb $uri sid main"
    return 0
  fi
  while read -r uri name; do
    case $name in
      *-updates) part=-updates ;;
      *-security) part=-security ;;
      *-*) continue ;;
      *) part= ;;
    esac
    if [ "$suite" = sid ] && [ -n "$part" ]; then continue; fi
    is_debian "$uri" "$suite$part" || continue
    [ -n "$part" ] || mirror=${mirror:-$uri}
    sources+="deb $uri $suite$part main"$'\n'
  done < <(apt_sources)
}

# Prints 'URI SUITE' for each source of the machine. By apt itself, since a source is written in one of two ways.
apt_sources() {
  apt-get update --print-uris 2>/dev/null | sed -n "s|^'\(http[^']*\)/dists/\([^/']*\)/InRelease' .*|\1 \2|p"
}

# is_debian URI SUITE: not every archive with a suite of that name is Debian's. Apt's own program fetches: it knows
# proxies and certificates.
is_debian() { # URI SUITE
  local release=$cache/roots/${1//[!A-Za-z0-9]/_}-$2
  timeout 60 /usr/lib/apt/apt-helper download-file "$1/dists/$2/InRelease" "$release" >/dev/null 2>&1
  grep -qsx 'Origin: Debian' "$release"
}

# Prints where sid lies as it was when yesterday began, if apt names a place that keeps old states: then a failure can
# be studied again on the same Debian.
snapshot() {
  local template
  template=$(apt-config dump --format '%v%n' Acquire::Snapshots::URI::Origin::Debian 2>/dev/null)
  [ -n "$template" ] || template=$(
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
      sed -n 's|.*\(https\?://[^ ]*/debian\)/[0-9]\{8\}T[0-9]\{6\}Z.*|\1/@SNAPSHOTID@|p' | head -n 1
  )
  [ -n "$template" ] || return 1
  template=${template%/}
  echo "${template/@SNAPSHOTID@/$(date -u -d yesterday +%Y%m%d)T000000Z}"
}
