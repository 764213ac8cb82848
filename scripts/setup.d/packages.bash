# Sourced by scripts/setup: the programs that come from the system's package manager.

git_version() { git --version 2>/dev/null | { read -r _ _ version _ && echo "$version"; }; }
tmux_version() { tmux -V 2>/dev/null | { read -r _ version && echo "$version"; }; }

have_rabbitmq() {
  [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || command -v rabbitmq-server >/dev/null
}

# True when this verb's tasks travel over a broker that swarm has to run itself.
needs_rabbitmq() {
  have_rabbitmq && return 1
  case $mode:$verb in
    test:* | all:* | swarm:demo) return 0 ;;
    swarm:up) ! foreign_broker ;;
    *) return 1 ;;
  esac
}

# Whether swarm.yaml names a broker that is not swarm's, by broker.url.
foreign_broker() {
  local top
  top=$(git rev-parse --show-toplevel 2>/dev/null) && [ -f "$top/swarm.yaml" ] || return 1
  sed -n '/^broker:/,/^[^[:space:]#]/p' "$top/swarm.yaml" | grep -Eq '^(broker:.*|[[:space:]]+)url:'
}

# Package names to install before any program can run. Node's own matter only where there is no npm at all.
missing_packages() {
  version_is "$(git_version)" 2.36 || echo git
  version_is "$(tmux_version)" 3.2 || echo tmux
  packages_current || find_npm >/dev/null || echo nodejs npm
}

# Packages without which swarm works less well: `ss` tells a long answer of a model from one that hangs. They are
# installed together with needed ones, and for the tests; alone they are worth no question.
wanted_packages() {
  [ "$(uname)" != Linux ] || command -v ss >/dev/null || echo iproute2
}

version_is() { [ -n "$1" ] && version_at_least "$1" "$2"; }

# The missing programs for a person: what was found, what is needed.
describe_missing() {
  local name found text=
  for name; do
    case $name in
      git) found=$(git_version); text+=", git >= 2.36" ;;
      tmux) found=$(tmux_version); text+=", tmux >= 3.2" ;;
      iproute2) found='' text+=", ss" ;;
      *) found='' text+=", $name" ;;
    esac
    [ -z "$found" ] || text+=" (found $found)"
  done
  echo "${text#, }"
}

have_rights() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
have_apt() { command -v apt-get >/dev/null && command -v dpkg >/dev/null; }

# install_command PACKAGES BROKER: the one line with which a person installs everything that is named
install_command() { # PACKAGES BROKER
  local names sudo='sudo ' rabbitmq=${2:+rabbitmq-server} line=
  names=$(echo $1)
  [ "$(id -u)" = 0 ] && sudo=
  if have_apt; then
    [ -n "$names" ] && line="${sudo}apt-get install -y $names"
    [ -n "$2" ] && line="${line:+$line && }$sudo$scripts/install-rabbitmq"
  elif command -v brew >/dev/null; then line="brew install ${names/nodejs npm/node} ${2:+rabbitmq}"
  elif command -v dnf >/dev/null; then line="${sudo}dnf install -y ${names/iproute2/iproute} $rabbitmq"
  elif command -v pacman >/dev/null; then line="${sudo}pacman -S --needed $names ${2:+rabbitmq}"
  elif command -v zypper >/dev/null; then line="${sudo}zypper install -y $names $rabbitmq"
  elif command -v apk >/dev/null; then line="${sudo}apk add $names $rabbitmq"
  else line="(no known package manager here; install by hand) $names $rabbitmq"
  fi
  echo $line
}

# Asks one question for all missing packages; swarm goes on without RabbitMQ, but not without git or tmux.
install_missing_packages() {
  local missing broker='' what
  [ "$mode" = swarm ] || wait_for_install
  missing=$(missing_packages)
  needs_rabbitmq && ! install_running && broker=RabbitMQ
  if [ -n "$missing$broker" ] || [ "$mode" != swarm ]; then missing=$(echo $missing $(wanted_packages)); fi
  if [ -n "$missing$broker" ]; then
    what=$(describe_missing $missing $broker)
    if have_apt && have_rights && ask "not found: $what. Install with apt?"; then
      install_with_apt "$missing" "$broker"
      missing=$(missing_packages)
      [ -z "$missing" ] || fail "still not found: $(describe_missing $missing)" "this system's packages are too old; install a newer one by hand"
    else
      say "not found: $what. Install with:"
      say "  $(install_command "$missing" "$broker")"
      if [ -n "$(missing_packages)" ] || [ "$mode" != swarm ]; then exit 1; fi
    fi
  fi
  replace_file "$root/dist/.tools" "$(command -v git)"$'\n'"$(command -v tmux)"
}

install_with_apt() {
  if [ -n "$1" ]; then
    say "installing $(echo $1)"
    as_root "$scripts/apt-install" $1 9>&- || fail "apt could not install $(echo $1)" "run: $(install_command "$1" "$2")"
  fi
  [ -n "$2" ] || return 0
  if [ "$mode" = swarm ]; then
    "$scripts/install-rabbitmq" --background 9>&- &&
      say 'installing RabbitMQ in the background; agents start meanwhile, the queue in about a minute'
  else
    say 'installing RabbitMQ'
    "$scripts/install-rabbitmq" 9>&- || fail 'RabbitMQ could not be installed' "run: $(install_command '' "$2")"
  fi
}

# Waits for the installation of RabbitMQ: agents start without it, tests do not.
wait_for_install() {
  install_running || return 0
  say 'RabbitMQ is being installed; waiting for it'
  while install_running; do sleep 1; done
}

# Whether an earlier `up` is installing it at this moment.
install_running() {
  local state=${XDG_STATE_HOME:-$HOME/.local/state}/swarm/broker/install.json
  [[ $(cat "$state" 2>/dev/null) =~ \"state\":\"installing\",\"pid\":([0-9]+) ]] && kill -0 "${BASH_REMATCH[1]}" 2>/dev/null
}
