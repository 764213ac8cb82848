#!/usr/bin/env bash
# One would guess: a key bound in tmux's root table does what it is bound to whenever it is pressed.
# It is so: the third key that a client hands on within a millisecond is taken for pasted text and typed into the pane.
set -euo pipefail
place=$(mktemp -d)
command -v tmux >/dev/null || { rm -rf "$place"; echo 'cannot run: tmux is not installed'; exit 77; }
server() { env -u TMUX -u TMUX_PANE tmux -S "$place/$1" -f /dev/null "${@:2}"; }
trap 'server inner kill-server 2>/dev/null || true; server outer kill-server 2>/dev/null || true; rm -rf "$place"' EXIT
cd "$place"
tmux -V
echo

# The client whose keys matter runs in a terminal of another server, which can press several keys in one write.
server inner new-session -d -s work -x 60 -y 10 'exec cat'
server inner bind-key -n q set-option -g @bound ran
server outer new-session -d -s person -x 60 -y 10 "exec env -u TMUX TERM=xterm tmux -S '$place/inner' attach -t work"
wait_for() { # what command…: until the command succeeds, for 10 s
  local tries
  for ((tries = 0; tries < 200; tries++)); do "${@:2}" && return; sleep 0.05; done
  echo "never: $1" >&2
  return 1
}
attached() { [ "$(server inner list-clients | wc -l)" = 1 ]; }
wait_for 'a client' attached
typed() { server inner capture-pane -p -t work | grep -q "$1"; }
bound() { local value; value=$(server inner show-options -gqv @bound); echo "${value:-did not run}"; }
press() { # name keys…: presses them at once, then a line that shows that all have come
  server inner set-option -gu @bound
  server outer send-keys -t person "${@:2}"
  server outer send-keys -t person Enter
  wait_for "the line $1" typed "$1"
}

press x x q
alone=$(bound)
echo "x, q in one write:                            the command bound to q: $alone"
press abq a b q
together=$(bound)
echo "a, b, q in one write:                         the command bound to q: $together; the program got: abq"
server inner set-option -g assume-paste-time 0
press cd c d q
off=$(bound)
echo "c, d, q in one write, assume-paste-time 0:    the command bound to q: $off"
[ "$alone/$together/$off" = 'ran/did not run/ran' ] || { echo 'not so any more'; exit 1; }

echo
echo 'So: on a machine that stalls for a moment, quick keys come together, and a way out that is a bound key goes unheard.'
