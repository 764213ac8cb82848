#!/usr/bin/env bash
# Calls `swarm` for one agent, by its name.
set -eu
swarm=$(cd -P "${BASH_SOURCE[0]%/*}" && pwd)/swarm
usage="usage: agent-wrapper.sh AGENT [attach | logs | restart | pause | resume | stop]

Looks at an agent's terminal (attach, the default), prints its log, or changes what it does.
The same as: swarm attach AGENT, swarm logs AGENT, …"
case ${1:-} in
  '' | -h | --help) echo "$usage"; [ $# -gt 0 ] || exit 2; exit 0 ;;
esac
agent=$1 verb=${2:-attach}
shift $(($# > 1 ? 2 : 1))
case $verb in
  attach | logs | restart | pause | resume | stop) exec "$swarm" "$verb" "$agent" "$@" ;;
  *) echo "$usage" >&2; exit 2 ;;
esac
