#!/usr/bin/env bash
# Calls `swarm up`: agents, each in its own tmux session and worktree.
set -eu
swarm=$(cd -P "${BASH_SOURCE[0]%/*}" && pwd)/swarm
case ${1:-} in
  -h | --help)
    echo "usage: setup-tmux.sh [N] [OPTION…]

Brings up N agents in the repository of the current directory, each in a tmux session of swarm's own server; your own
tmux is not touched. The same as: swarm up [N] --detach [OPTION…]. Look at one with: swarm attach worker-1"
    exit 0
    ;;
esac
exec "$swarm" up --detach "$@"
