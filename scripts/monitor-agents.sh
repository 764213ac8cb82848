#!/usr/bin/env bash
# Calls `swarm dash` or `swarm status`, which show the work of every agent.
set -eu
swarm=$(cd -P "${BASH_SOURCE[0]%/*}" && pwd)/swarm
case ${1:-} in
  -h | --help)
    echo "usage: monitor-agents.sh [OPTION…]

On a terminal the live dashboard (swarm dash), else the present state once (swarm status). Events as they come:
swarm events --follow"
    exit 0
    ;;
esac
if [ -t 1 ]; then exec "$swarm" dash "$@"; else exec "$swarm" status "$@"; fi
