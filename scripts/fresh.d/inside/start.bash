# Sourced first by each script that runs inside, as root and as the first process of its namespaces.

hostname fresh
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
update-ca-certificates >/dev/null 2>&1
# Files from outside belong to root at first.
install --owner ada --mode 600 /etc/fresh/npmrc ~ada/.npmrc
chown ada: ~ada/.npm
[ ! -d /etc/fresh/swarm.git ] || chown -R ada: /etc/fresh/swarm.git

# Runs a command line as a person who has just logged in.
as_ada() { su --login ada --command "$1"; }

clone() { as_ada 'mkdir ~/src && git clone --quiet /etc/fresh/swarm.git ~/src/swarm'; }
