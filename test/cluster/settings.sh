# Sourced by every script here. A cluster is one real Kubernetes node: control plane, kubelet, containers, network and ingress,
# in namespaces of its own; it needs root and Linux, but neither Docker nor virtual machines.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
PATH=$PATH:/usr/local/go/bin:/usr/sbin:/sbin

cache_root=${CLUSTER_CACHE:-$project/.cache/cluster}
# Every component in one binary, named by the hash of its source: a change of it makes a new one.
binary=$cache_root/kube-all-$(cat "$here"/kube-all/* "$here/build" | sha256sum | cut -c1-12)
# The ingress controller, one of the programs of test/programs.txt.
traefik=${CLUSTER_TRAEFIK:-$project/.cache/programs/bin/traefik}

# One folder per cluster that is up: its logs, keys, data, images and the pid of the test run that owns it.
run=${CLUSTER_RUN:-${TMPDIR:-/tmp}/aegir-clusters}
# First two octets of all clusters. Number N has NET.4N.0/22 of it: pods, Services, and the cable between node and machine.
net=${CLUSTER_NET:-10.78}
# Hosts of tests (test/hosts), which pods may reach and which may reach pods.
hosts_net=${HOSTS_NET:-10.77}

# Sets the addresses of cluster number N, 0 to 63.  Usage: use_number N
use_number() {
  local first=$(($1 * 4))
  range=$net.$first.0/22
  pods=$net.$first.0/24
  services=$net.$((first + 1)).0/24
  first_service=$net.$((first + 1)).1
  gateway=$net.$((first + 2)).1
  address=$net.$((first + 2)).2
}

# Sets folder and addresses of cluster NAME that is up.  Usage: use_cluster NAME
use_cluster() {
  folder=$run/$1
  [ -e "$folder/number" ] || { echo "There is no cluster $1 in $run." >&2; exit 1; }
  use_number "$(cat "$folder/number")"
}

kubectl() { "$binary" kubectl --kubeconfig "$folder/conf/admin.kubeconfig" "$@"; }
