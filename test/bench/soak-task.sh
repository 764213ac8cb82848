#!/bin/sh
# Work for the soak: soak-task.sh KIND SECONDS [MARK]. What hangs says in MARK since when, ms of the epoch.
kind=$1 seconds=$2 mark=${3:-/dev/null}
end=$(($(date +%s) + seconds))
case $kind in
  # Silent and at rest, but not for too long at once.
  sleeps) sleep "$seconds"; echo awake ;;
  # Silent for long, and busy.
  computes) while [ "$(date +%s)" -lt "$end" ]; do i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; done ;;
  # Each block waits for the disk.
  writes) while [ "$(date +%s)" -lt "$end" ]; do dd if=/dev/zero of=block bs=256k count=8 oflag=dsync 2>/dev/null; done; rm -f block ;;
  talks) while [ "$(date +%s)" -lt "$end" ]; do echo working; sleep 1; done ;;
  hangs) sleep "$seconds"; echo "last word"; date +%s%3N >"$mark"; exec sleep 86400 ;;
esac
