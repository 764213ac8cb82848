#!/usr/bin/env bash
# One would guess, as git's own page says: merge-tree --write-tree exits 1 for conflicts, with another code for errors.
# It is so: a branch that does not exist exits 1 too, and prints nothing: to a caller, a conflict in no file.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
command -v git >/dev/null || { echo 'cannot run: git is not installed'; exit 77; }
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null LC_ALL=C
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.invalid GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.invalid
git --version

git init -q -b main .
echo one >file && git add file && git commit -qm one
git checkout -qb theirs && echo two >file && git commit -qam two
git checkout -q main && echo three >file && git commit -qam three
git branch clean main~1
git checkout -q --orphan apart && git commit -qm 'no common past'

try() { # what it is, then the arguments: leaves code, out, err
  local what=$1
  shift
  code=0
  out=$(git merge-tree --write-tree --name-only "$@" 2>err) || code=$?
  err=$(cat err)
  lines=$(printf %s "$out" | grep -c '' || true)
  printf '%-36s exit code %-3s stdout: %s lines  stderr: %s\n' "$what" "$code" "$lines" "${err:-nothing}"
}

echo
try 'merges cleanly' main clean
[ "$code" = 0 ]
try 'conflict in one file' main theirs
[ "$code" = 1 ]
grep -qx file <<<"$out"
try 'histories without a common commit' main apart
[ "$code" = 128 ]
try 'a branch that does not exist' main nosuch
[ "$code" = 1 ] || { echo 'not so any more: an unknown branch has a code of its own'; exit 1; }
[ -z "$out" ] || { echo 'not so any more: something is printed'; exit 1; }
try 'a base branch that does not exist' nosuch main
[ "$code" = 1 ]

echo
echo 'So: exit code 1 is a conflict only if stdout begins with the id of a tree. Resolve both names first.'
