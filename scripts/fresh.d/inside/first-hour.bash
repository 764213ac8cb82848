# Inside: the two commands of the README as a person types them. Arguments go to scripts/test.
. /etc/fresh/inside/start.bash
. /etc/fresh/inside/checks.bash

clone
check 'scripts/swarm up 3' as_ada 'cd ~/src/swarm && node /etc/fresh/inside/first-up.mjs'
as_ada "cd ~/src/swarm && scripts/test ${*@Q}" 2>&1 | with_checks
exits=("${PIPESTATUS[@]}")
[ "${exits[0]}" != 0 ] && exit "${exits[0]}"
[ "${exits[1]}" = 0 ] && [ "$failed" = 0 ]
