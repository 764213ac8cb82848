# Inside, with a HOME that was in another root before: one chapter of the story of an upgrade.
#
#   upgrade.bash begin|go-on TITLE
. /etc/fresh/inside/start.bash

. /etc/os-release
echo
echo "== $PRETTY_NAME: $2"
[ "$1" = go-on ] || clone
as_ada "cd ~/src/swarm && node /etc/fresh/inside/upgrade.mjs $1"
