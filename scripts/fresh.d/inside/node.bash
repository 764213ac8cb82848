# Inside: installs Debian's own nodejs and npm.
. /srv/inside/start.bash
apt-get update -q && apt-get install -y -q -o Dpkg::Use-Pty=0 --no-install-recommends nodejs npm
