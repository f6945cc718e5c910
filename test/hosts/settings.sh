# Sourced by every script here. A host is a real Debian with systemd as PID 1, sshd, its own file system, address and
# processes; it needs root and Linux, but neither Docker nor virtual machines.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)

# What roles may install, and WordPress as it comes with Debian for a test's own repository. It is downloaded once;
# installing from it is real, and needs no network.
packages='nginx php8.2-fpm php8.2-cli php8.2-mysql php8.2-sqlite3 php8.2-gd php8.2-xml php8.2-mbstring php8.2-curl
php8.2-zip php8.2-intl mariadb-server mariadb-client restic rclone certbot git acl composer python3-venv python3-pip
python3-pymysql unzip rsync cron logrotate nftables wordpress php8.2-opcache'
# Only for tests, which are skipped where the mirror does not have it: a test ACME server.
optional_packages='pebble'

# What "Prepare" installs on a web and on a database Server, and the services that then run.
declare -A stocks=(
  [web]='nginx certbot git unzip acl ca-certificates openssl mariadb-client restic composer php8.2-fpm php8.2-cli php8.2-mysql php8.2-gd
php8.2-xml php8.2-mbstring php8.2-curl php8.2-zip php8.2-intl php8.2-opcache'
  [database]='mariadb-server mariadb-client nftables openssl'
)
declare -A stock_services=([web]='nginx php8.2-fpm certbot.timer' [database]='mariadb nftables')

# The cache is named by the hash of the scripts that make it: a change of them makes a new one.
cache_root=${HOSTS_CACHE:-$project/.cache/hosts}
cache=$cache_root/$(cat "$here/base" "$here/stock" "$here/settings.sh" | sha256sum | cut -c1-12)

# One folder per host that is up: its log, pid, key, address and the pid of the test run that owns it.
run=${HOSTS_RUN:-${TMPDIR:-/tmp}/aegir-hosts}
# First two octets. Host number N gets NET.N.2, this machine's end of the cable is NET.N.1.
net=${HOSTS_NET:-10.77}

# Where systemd's own hierarchy is: pure cgroup v2, or the named v1 hierarchy of a hybrid layout.
if [ "$(stat -fc %T "${HOSTS_CGROUP:-/sys/fs/cgroup}")" = cgroup2fs ]; then
  cgroup_version=2 cgroup_root=${HOSTS_CGROUP:-/sys/fs/cgroup}
else
  cgroup_version=1 cgroup_root=/sys/fs/cgroup/systemd
fi
