#!/usr/bin/env bash
# One would guess: tmux send-keys -l types its text into the program of the pane, or fails.
# It is so: while somebody has scrolled up there (copy mode), the text moves the cursor of that mode, exit code 0, and is gone.
set -euo pipefail
place=$(mktemp -d)
command -v tmux >/dev/null || { rm -rf "$place"; echo 'cannot run: tmux is not installed'; exit 77; }
in_tmux() { env -u TMUX -u TMUX_PANE tmux -S "$place/socket" -f /dev/null "$@"; }
trap 'in_tmux kill-server 2>/dev/null || true; rm -rf "$place"' EXIT
cd "$place"
tmux -V
echo

mkfifo heard
exec 3<>heard
in_tmux new-session -d -x 60 -y 10 -s agent "exec cat >'$place/heard'"
sent() { # line: reads from the program until this one; says what came before it
  local line before=''
  while read -r -t 10 -u 3 line; do
    [ "$line" = "$1" ] && { echo "${before:-nothing}"; return; }
    before+="$line "
  done
  echo "never heard $1" >&2
  return 1
}

in_tmux send-keys -t agent -l 'one' \; send-keys -t agent Enter
echo "send-keys:                      the program hears: $(sent one) before 'one'"

in_tmux copy-mode -t agent
code=0
in_tmux send-keys -t agent -l 'look' || code=$?
in_tmux send-keys -t agent Enter || code=$?
echo "send-keys while scrolled up:    exit code $code"
[ "$code" = 0 ] || { echo 'not so any more: it fails'; exit 1; }
echo "in copy mode now:               $(in_tmux display-message -p -t agent '#{?pane_in_mode,yes,no}')"

in_tmux copy-mode -t agent
printf 'two\n' | in_tmux load-buffer -
in_tmux paste-buffer -r -t agent
before=$(sent two)
echo "paste-buffer while scrolled up: the program hears: $before before 'two'"
[ "$before" = nothing ] || { echo 'not so any more: the text arrived'; exit 1; }

echo
echo 'So: a prompt that is typed for an agent is lost because a person reads its screen. Leave the mode first, or paste.'
