#!/usr/bin/env bash
# One would guess: tmux wait-for -S before anybody waits is either lost or remembered, and a second one changes nothing.
# It is so: one is remembered, two cancel each other out: after an even number of signals the next waiter waits for ever.
set -euo pipefail
place=$(mktemp -d)
command -v tmux >/dev/null || { rm -rf "$place"; echo 'cannot run: tmux is not installed'; exit 77; }
in_tmux() { env -u TMUX -u TMUX_PANE tmux -S "$place/socket" -f /dev/null "$@"; }
wait_for() { timeout "$1" env -u TMUX -u TMUX_PANE tmux -S "$place/socket" wait-for "$2"; }
trap 'in_tmux kill-server 2>/dev/null || true; rm -rf "$place"' EXIT
tmux -V

in_tmux new-session -d -s keep 'exec cat'
echo
for signals in 0 1 2 3 4; do
  for ((n = 0; n < signals; n += 1)); do in_tmux wait-for -S "done-$signals"; done
  # A waiter that is woken ends within milliseconds; the time is for one that is not.
  if wait_for 3 "done-$signals"; then woken=yes; else woken=no; fi
  echo "$signals signals, then a waiter: woken $woken"
  want=$([ $((signals % 2)) = 1 ] && echo yes || echo no)
  [ "$woken" = "$want" ] || { echo "not so any more: expected $want"; exit 1; }
done

echo
echo 'Two jobs that both say "done" before anybody looks leave a supervisor that waits for ever:'
for job in 1 2; do
  # In a window of that server, where tmux finds it by itself; the second signal only tells that the job is over.
  in_tmux new-window -d "tmux wait-for -S jobs; tmux wait-for -S over-$job"
  wait_for 10 "over-$job"
done
if wait_for 3 jobs; then
  echo 'not so any more: the supervisor was woken'
  exit 1
fi
echo 'not woken within 3 s'
echo
echo 'So: a channel for each signal, or a file beside it that says what the channel cannot be trusted to remember.'
