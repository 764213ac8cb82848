# Sourced by scripts/setup: the Claude Code that the tests start. Each lies in a package of its own; the copy of its
# lockfile in node_modules is written last.

# The one for which the tests are written, apart from the checkout's packages so that a plain npm ci stays light.
ensure_pinned_claude() {
  local home=$root/test/e2e/claude
  cmp -s "$home/node_modules/.swarm-lock" "$home/package-lock.json" && return 0
  say 'installing Claude Code for the tests'
  ensure_npm
  npm_ci "$home" "$npm_path" || claude_not_installed
  finish_claude "$home"
}

# ensure_other_claude VERSION: another one, for this run. VERSION may be a tag of the registry, as latest is: then
# that name is a link to what it means now.
ensure_other_claude() {
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/swarm/claude version=$1 half
  [[ $1 =~ ^[0-9A-Za-z][0-9A-Za-z.+-]*$ ]] || fail "--claude=$1 names no version" 'give one as 2.1.330, or a tag, as latest'
  if [[ ! $version =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]]; then
    ensure_npm
    version=$(PATH=$npm_path npm view "@anthropic-ai/claude-code@$1" version 9>&-) && [ -n "$version" ] ||
      fail "which Claude Code $1 is could not be looked up" 'see the message of npm above; a version, as 2.1.330, needs no look-up once it is installed'
  fi
  mkdir -p "$cache" || fail "cannot write to $cache" 'give yourself the right to write there, or set XDG_CACHE_HOME'
  if [ ! -e "$cache/$version/node_modules/.swarm-lock" ]; then
    say "installing Claude Code $version into $cache"
    ensure_npm
    half=$cache/.half
    rm -rf "$half" && mkdir "$half"
    printf '{ "private": true, "dependencies": { "@anthropic-ai/claude-code": "%s" } }\n' "$version" >"$half/package.json"
    (cd "$half" && PATH=$npm_path npm install --include=optional --no-audit --no-fund --loglevel=error 9>&-) || claude_not_installed
    finish_claude "$half"
    rm -rf "${cache:?}/$version" && mv "$half" "$cache/$version"
  fi
  [ "$version" = "$1" ] || ln -sfn "$version" "$cache/$1"
}

# finish_claude DIRECTORY: where npm runs no install scripts, its program is not in place yet.
finish_claude() {
  local program=$1/node_modules/.bin/claude
  "$program" --version >/dev/null 2>&1 || (cd "$1/node_modules/@anthropic-ai/claude-code" && "$node" install.cjs)
  "$program" --version || fail 'Claude Code was installed but does not start' "try: $program --version"
  cp "$1/package-lock.json" "$1/node_modules/.swarm-lock"
}

claude_not_installed() {
  fail 'Claude Code could not be installed' 'see the message of npm above; then run the same command again'
}
