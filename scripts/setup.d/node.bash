# Sourced by scripts/setup: Node, the npm packages, the build.

NODE_MAJOR=24
own_node=$root/node_modules/node/bin/node
npm_path=
NODE_CURE="install Node >= $NODE_MAJOR (https://nodejs.org/en/download, or: nvm install $NODE_MAJOR), or name one: SWARM_NODE=/path/to/node"

is_new_node() {
  [ -x "$1" ] && version_at_least "$("$1" --version 2>/dev/null || echo 0.0)" "$NODE_MAJOR.0"
}

# Whether a new Node runs what is set up: the tests are TypeScript that Node itself runs, which Debian's cannot.
serves() {
  is_new_node "$1" && { [ "$mode" != test ] || [ -n "$("$1" -p 'process.features.typescript || ""')" ]; }
}

# system_node [CHECK]: a Node >= 24 that belongs to the machine, not to this checkout, and passes the check.
system_node() {
  local candidate check=${1:-is_new_node}
  for candidate in "${SWARM_NODE:-}" $(type -aP node) "$HOME"/.nvm/versions/node/*/bin/node \
    "$HOME"/.volta/tools/image/node/*/bin/node "$HOME"/.local/share/{mise/installs/node/*,fnm/node-versions/*/installation}/bin/node \
    /usr/local/bin/node /opt/homebrew/bin/node; do
    if [ "$candidate" != "$own_node" ] && "$check" "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

# Whether the lockfile's packages are there. The stamp is a copy of the lockfile, written when npm had finished.
packages_current() {
  local stamp=$root/node_modules/.swarm-lock lock=$root/package-lock.json by_npm=$root/node_modules/.package-lock.json
  if cmp -s "$stamp" "$lock"; then
    touch "$stamp"
  elif [ ! -e "$stamp" ] && [ "$by_npm" -nt "$lock" ]; then
    cp "$lock" "$stamp" # npm was run by hand; it writes its own record last.
  else
    return 1
  fi
}

# Prints the directory of an npm: that on PATH, or the one beside a Node that was found elsewhere.
find_npm() {
  local found
  if found=$(command -v npm) || { found=$(system_node) && [ -x "${found%/*}/npm" ]; }; then echo "${found%/*}"; else return 1; fi
}

# npm_ci DIRECTORY PATH
npm_ci() {
  # NODE_ENV=production or omit=dev in the person's settings must not leave out the bundler.
  (cd "$1" && PATH=$2 npm ci --include=dev --include=optional --no-audit --no-fund --loglevel=error 9>&-)
}

# Sets npm_path, a PATH on which npm runs under a Node that is new enough, and not under the checkout's own: that lies
# in the directory which npm ci removes first. Under an old Node npm leaves out, without a word, the compiled part of
# packages that need a new one.
ensure_npm() {
  local directory found home=$scripts/npm
  [ -z "$npm_path" ] || return 0
  directory=$(find_npm) || fail 'npm was not found' "$NODE_CURE"
  # An npm of another Node may not work with it.
  if found=$(system_node) && [ -x "${found%/*}/npm" ]; then
    npm_path=${found%/*}:$PATH
    return 0
  fi
  if ! cmp -s "$home/node_modules/.swarm-lock" "$home/package-lock.json"; then
    say "fetching Node $NODE_MAJOR, with its npm, to install packages with"
    npm_ci "$home" "$PATH:$directory" && fetch_program "$home" || fail "fetching Node $NODE_MAJOR failed" "$NODE_CURE"
    cp "$home/package-lock.json" "$home/node_modules/.swarm-lock"
  fi
  npm_path=$home/node_modules/.bin:$PATH
}

# fetch_program DIRECTORY: where npm runs no install scripts, the package node has not yet fetched its program.
fetch_program() { # DIRECTORY
  local program=$1/node_modules/node
  is_new_node "$program/bin/node" && return 0
  say "fetching Node $NODE_MAJOR"
  (cd "$program" && node installArchSpecificPackage.js 9>&-)
  is_new_node "$program/bin/node"
}

ensure_node_packages() {
  if ! packages_current; then
    ensure_npm
    say 'installing npm packages'
    npm_ci "$root" "$npm_path" || fail 'npm ci failed' 'see its message above; then run the same command again'
    cp "$root/package-lock.json" "$root/node_modules/.swarm-lock"
  fi
  choose_node
}

# Sets node and keeps the choice for the fast path of scripts/swarm.
choose_node() {
  if ! is_new_node "$own_node" && ! node=$(system_node serves); then
    fetch_program "$root" || fail "no Node >= $NODE_MAJOR here, and fetching one failed" "$NODE_CURE"
  fi
  is_new_node "$own_node" && node=$own_node
  replace_file "$root/dist/.node" "$node"
}

ensure_build() {
  local build
  if read -r build 2>/dev/null <"$root/dist/current" && [ -f "$root/dist/$build/cli.js" ] &&
    [ -z "$(find "$root/src" "$root/package.json" "$root/package-lock.json" \
      "$root/scripts/build.mjs" "$root/scripts/few-files.mjs" -newer "$root/dist/current" -print -quit)" ]; then
    return 0
  fi
  say 'building'
  "$node" "$root/scripts/build.mjs" --quiet 9>&- || fail 'the build failed' 'see its message above'
}
