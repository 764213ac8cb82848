# Sourced by scripts/fresh: the settings of this machine that a root gets. They are those by which it reaches the
# network, and no others.

readonly BUNDLE=/etc/ssl/certs/ca-certificates.crt
readonly PROXIES='http_proxy https_proxy ftp_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY'
readonly NPM_KEYS='registry|proxy|https-proxy|http-proxy|noproxy|ca(\[\])?|cafile|cert|key|strict-ssl|replace-registry-host|omit-lockfile-registry-resolved|@[^=:]+:registry|//[^=]+'

give_network() { # ROOT
  mkdir -p "$1/etc/fresh"
  cp -L /etc/resolv.conf "$1/etc/resolv.conf"
  { cat /etc/hosts; echo '127.0.1.1 fresh'; } >"$1/etc/hosts"
  give_apt_settings "$1"
  npm_settings | sed -E "s|^(cafile *=).*|\1$BUNDLE|" >"$1/etc/fresh/npmrc"
  give_certificates "$1"
  give_environment "$1"
}

# Proxies, time limits, credentials; the files that they name are replaced by the root's own.
give_apt_settings() {
  apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https|ftp|Retries|Queue-Mode|Check-|Max-|Force)' |
    grep -v 'Auto-Detect' | sed -E "s|(::CaInfo) .*|\1 \"$BUNDLE\";|" >"$1/etc/apt/apt.conf.d/90machine"
  cp -r /etc/apt/auth.conf /etc/apt/auth.conf.d "$1/etc/apt/" 2>/dev/null
}

# The lines of npm's files and environment that say how a registry is reached.
npm_settings() {
  local file
  for file in "$(npm config get globalconfig 2>/dev/null)" /etc/npmrc "${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}"; do
    [ -f "$file" ] && grep -E "^($NPM_KEYS) *=" "$file"
  done
  env | sed -n 's/^npm_config_//Ip' | sed -E ':again s/^([^=]*)_/\1-/; t again' | grep -Ei "^($NPM_KEYS)="
  return 0
}

# Authorities that this machine trusts and Debian does not, as a company has them.
give_certificates() {
  local named
  for named in "$BUNDLE" /etc/pki/tls/certs/ca-bundle.crt "${NODE_EXTRA_CA_CERTS:-}" "${SSL_CERT_FILE:-}" \
    "$(npm config get cafile 2>/dev/null)"; do
    [ -f "$named" ] && cat "$named"
  done | split_new_certificates "$1$BUNDLE" "$1/usr/local/share/ca-certificates/machine"
}

# Writes each certificate of stdin that is not in BUNDLE into a file of its own.
split_new_certificates() { # BUNDLE PREFIX
  awk -v prefix="$2" '
    /-----BEGIN CERTIFICATE-----/ { text = ""; inside = 1 }
    inside { text = text $0 "\n" }
    /-----END CERTIFICATE-----/ {
      if (!(text in seen) && FILENAME == "-") { file = prefix "-" ++count ".crt"; printf "%s", text >file; close(file) }
      seen[text] = inside = 0
    }' "$1" -
}

# For every login; a variable with a file of certificates names the root's own.
give_environment() {
  local name
  for name in $PROXIES; do
    [ -n "${!name:-}" ] && echo "$name=${!name}"
  done >"$1/etc/environment"
  # Node brings its own authorities and needs a variable for others.
  ls "$1/usr/local/share/ca-certificates/"machine-*.crt >/dev/null 2>&1 && echo "NODE_EXTRA_CA_CERTS=$BUNDLE" >>"$1/etc/environment"
  return 0
}
