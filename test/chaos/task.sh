#!/bin/sh
# One task of the plan: task.sh JOURNAL NAME SECONDS EXIT [FILE…]
# Writes NAME.txt when its time is over. The journal lies outside of every worktree; each of its lines is one write.
# What cannot be written (exit 9) fails. FILEs are what earlier tasks have written and this one needs.
journal=$1 name=$2 seconds=$3 code=$4
shift 4

# State and start time of a process, by what /proc/PID/stat says after the bracket.
look() {
  state='' started=''
  read -r stat 2>/dev/null </proc/"$1"/stat || return 1
  rest=${stat##*) }
  set -- $rest
  state=$1
  shift 19
  started=$1
}
lives() { look "$1" && [ "$started" = "$2" ] && [ "$state" != Z ] && [ "$state" != X ]; }

# An earlier attempt at this task must be gone, with its processes in other groups.
if [ -e "$journal" ]; then
  grep "^begin $name " "$journal" | while read -r _ _ _ pid start child child_start _; do
    lives "$pid" "$start" && echo "overlap $name $pid lives while $$ begins" >>"$journal"
    lives "$child" "$child_start" && echo "overlap $name $child (background) lives while $$ begins" >>"$journal"
  done
fi
for file in *.part; do
  [ -e "$file" ] && [ "$file" != "$name.part" ] && echo "leftover $name found $file" >>"$journal"
done
for file; do
  [ -e "$file" ] || echo "missing $name lacks $file" >>"$journal"
done

# Before the journal says so: what it names must be found in a checkpoint.
echo "$name" >"$name.part" || exit 9
# In a session of its own, as a server that a task leaves behind would be.
setsid sleep 60 &
child=$!
look $$ && own=$started
look "$child"
echo "begin $name $(date +%s%3N) $$ $own $child $started ${SWARM_AGENT:-?}" >>"$journal"
sleep "$seconds"
kill "$child"
mv "$name.part" "$name.txt" || exit 9
echo "end $name $(date +%s%3N) $$" >>"$journal"
exit "$code"
