# Inside: needs of the tests in any root, whatever is installed there.
. /etc/fresh/inside/start.bash
as_ada 'sudo -n true' || { echo 'sudo gives no rights: is the cache on a file system that is mounted nosuid?'; exit 1; }
as_ada 'unshare --map-root-user --mount mount -t tmpfs tmpfs /tmp' || { echo 'an ordinary user may not mount in a namespace of their own'; exit 1; }
