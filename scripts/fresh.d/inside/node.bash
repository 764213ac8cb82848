# Inside: installs Debian's own nodejs and npm.
. /etc/fresh/inside/start.bash
apt-get update -q && apt-get install -y -q -o Dpkg::Use-Pty=0 --no-install-recommends nodejs npm
