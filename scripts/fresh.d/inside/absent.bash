# Inside, where no Node is: both commands name the command to type, and there is no person to ask.
. /etc/fresh/inside/start.bash
. /etc/fresh/inside/checks.bash

says_cure() { # COMMAND-LINE
  local said code
  said=$(as_ada "cd ~/src/swarm && $1" 2>&1)
  code=$?
  echo "$said"
  [ "$code" = 1 ] && [[ $said == *'not found: '*nodejs,\ npm* ]] &&
    grep -Eq '^swarm:   sudo apt-get install -y .*nodejs npm' <<<"$said"
}

clone
check 'without Node scripts/swarm up 3 says how to get it' says_cure 'scripts/swarm up 3'
check 'without Node scripts/test says how to get it' says_cure scripts/test
keep_checks
