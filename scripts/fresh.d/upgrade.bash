# Sourced by scripts/fresh: the story of a machine that is upgraded, and downgraded again. One HOME, with this checkout,
# a repository and all that swarm keeps, is carried between a Debian 12 and a Debian 13.

readonly CHAPTERS=(
  'bookworm:begin:to a swarm that was never there'
  'trixie:go-on:upgraded after `swarm down`'
  'bookworm:go-on:back again after `swarm down`'
  'trixie:go-on:upgraded once more, after the power went off'
)

tell_upgrade() {
  local chapter code=0
  for suite in bookworm trixie; do open_release; done
  with_ids mv "$cache/roots/bookworm/home/ada" "$home" && with_ids mkdir -p "$cache/roots/"{bookworm,trixie}/home/ada
  for chapter in "${CHAPTERS[@]}"; do
    IFS=: read -r suite part title <<<"$chapter"
    fresh=$cache/roots/$suite
    inside upgrade.bash "$part" "$title" || code=1
  done
  [ "$code" = 0 ]
}

# A root of $suite that stays until the end: what is installed in it is there at the next visit.
open_release() {
  ensure_archives
  fresh=
  open_root node
  with_ids mv "$fresh" "$cache/roots/$suite"
  fresh=
}
