# Sourced first by each script that runs inside, as root and as the first process of its namespaces.

umount -l /mnt
hostname fresh
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
update-ca-certificates >/dev/null 2>&1
# What came from outside belongs to root at first.
install --owner ada --mode 600 /srv/npmrc /home/ada/.npmrc
chown ada: /home/ada/.npm
[ ! -d /srv/swarm.git ] || chown -R ada: /srv/swarm.git

# Runs a command line as a person who has just logged in.
as_ada() { su --login ada --command "$1"; }

clone() { as_ada 'mkdir ~/src && git clone --quiet /srv/swarm.git ~/src/swarm'; }
