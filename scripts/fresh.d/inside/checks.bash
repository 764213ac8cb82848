# Sourced inside: checks that count like the tests.

passed=0 failed=0 summary=
# The counts of the root before this one.
if [ -f /etc/fresh/checks ]; then { read -r passed failed; summary=$(cat)$'\n'; } </etc/fresh/checks; fi

# check NAME COMMAND…: passed when the command ends with 0; its output says why not
check() {
  local name=$1 began=$SECONDS result='ok    '
  shift
  if "$@"; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    result=FAILED
  fi
  summary+="$result fresh: $name  $((SECONDS - began)) s"$'\n'
  echo "== $result fresh: $name  $((SECONDS - began)) s"
}

# Keeps the counts for the next root.
keep_checks() { printf '%d %d\n%s' "$passed" "$failed" "$summary" >/etc/fresh/checks; }

# Passes on the output of a run of the tests line by line (an awk may wait for a whole block), and adds the checks to its
# last line, the count. Fails without a count.
with_checks() {
  local line last='' lines=0 counted=0
  while IFS= read -r line || [ -n "$line" ]; do
    [ "$lines" = 0 ] || printf '%s\n' "$last"
    lines=$((lines + 1))
    last=$line
  done
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
  else
    counted=1 failed=$((failed + 1))
    printf '%s\n' "$last"
    summary+=$'FAILED scripts/test ended without a count\n'
  fi
  printf '\n%s\n%d passed, %d failed\n' "$summary" "$passed" "$failed"
  return "$counted"
}
