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

# Passes on the output of a run of the tests, and adds the checks to its last line, the count. Fails without a count.
with_checks() {
  awk -v passed="$passed" -v failed="$failed" -v summary="$summary" '
    NR > 1 { print last; fflush() }
    { last = $0 }
    END {
      counted = last ~ /^[0-9]+ passed, [0-9]+ failed$/
      if (counted) { split(last, words, " "); passed += words[1]; failed += words[3] }
      else { print last; summary = summary "FAILED scripts/test ended without a count\n"; failed++ }
      printf "\n%s\n%d passed, %d failed\n", summary, passed, failed
      exit !counted
    }'
}
