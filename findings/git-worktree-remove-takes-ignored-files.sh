#!/usr/bin/env bash
# One would guess, as git's page says "only clean worktrees (no untracked files)": git worktree remove keeps what is untracked.
# It is so: files that are ignored do not count. A worktree with its .env, database and notes is removed without --force.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
command -v git >/dev/null || { echo 'cannot run: git is not installed'; exit 77; }
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null LC_ALL=C
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.invalid GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.invalid
git --version

git init -q -b main main
cd main
printf '%s\n' .env '*.sqlite' notes/ >.gitignore
git add .gitignore
git commit -qm 'what is never committed'
git worktree add -q -b agent ../agent
echo

touch ../agent/seen
code=0
git worktree remove ../agent 2>../err || code=$?
echo "with an untracked file:   exit code $code, $(cat ../err)"
[ "$code" = 128 ] && [ -e ../agent/seen ] || { echo 'not so any more'; exit 1; }
rm ../agent/seen

mkdir ../agent/notes
echo TOKEN=1 >../agent/.env
echo rows >../agent/state.sqlite
echo 'an afternoon of thoughts' >../agent/notes/plan
echo "git status --porcelain:   '$(git -C ../agent status --porcelain)'"
echo "and with --ignored:       '$(git -C ../agent status --porcelain --ignored | tr '\n' ' ')'"
code=0
git worktree remove ../agent 2>../err || code=$?
echo "with ignored files alone: exit code $code, said: '$(cat ../err)'"
[ "$code" = 0 ] && [ ! -e ../agent ] || { echo 'not so any more: it is kept'; exit 1; }
echo 'the folder:               gone'

echo
echo 'So: what cleans worktrees up asks git status --ignored first; nothing of git holds these files any more.'
