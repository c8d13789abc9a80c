# shellcheck shell=bash
# A Docker engine for tests: the one that answers already, or a dockerd of our own. Source it after scripts/lib.sh.
#
# find_docker sets `no_docker` to the reason where there is none to be had. A dockerd of our own keeps its images in the
# cache, and stop_docker puts the host back as it was: processes, mounts, the bridge, packet filter rules, sysctls,
# cgroups and files.

no_docker=
docker_dir= # of our own dockerd: socket, pid, log, and how the host was
docker_pid=
docker_data= # its images

docker_answers() {
    command -v docker >/dev/null && timeout 20 docker version >/dev/null 2>&1
}

# Exports DOCKER_HOST where it starts a dockerd. Fails with `no_docker` set.
find_docker() {
    no_docker=
    if docker_answers; then
        return 0
    elif [ "$(id -u)" -ne 0 ]; then
        no_docker="needs a Docker engine that $(id -un) may use (group docker), or root to start one"
    elif ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
        no_docker="needs a Docker engine: install docker.io, or --all does"
    else
        start_docker || no_docker="could not start dockerd: $(tail -n 1 -- "$docker_dir/log" 2>/dev/null || true)"
    fi
    [ -z "$no_docker" ]
}

start_docker() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/netlab
    docker_dir=$(mktemp -d "${TMPDIR:-/tmp}/netlab-docker.XXXXXX")
    chmod 0711 -- "$docker_dir" # another user may be given the socket
    mkdir -p -- "$cache"
    remember_host
    # Another run may have the cache: its dockerd holds the lock, which its children do not inherit.
    run_dockerd "$cache/docker" "$cache/docker.lock" || { [ $? -eq 75 ] && run_dockerd "$docker_dir/data" "$docker_dir/lock"; }
}

# run_dockerd DATA LOCK: until it answers. Exit code 75 where another process has the lock.
run_dockerd() {
    local status=0 deadline=$((SECONDS + 60))
    docker_data=$1
    [ "$(<"$inotify_instances")" -ge 1024 ] || printf 1024 >"$inotify_instances"
    # Not the host's /etc/docker/daemon.json. The file of a restricted host names a runtime below this clone.
    "$root/scripts/restricted/daemon-json" >"$docker_dir/daemon.json"
    # A session of its own, so that Ctrl-C does not end it before the labs. Namespaces of its own, in case that the host's containerd is used; a cgroup of its own, which can be removed.
    (
        flock --nonblock 9 || exit 75
        exec setsid dockerd --config-file "$docker_dir/daemon.json" --data-root "$1" --exec-root "$docker_dir/exec" \
            --pidfile "$docker_dir/pid" --host "unix://$docker_dir/docker.sock" --group 0 \
            --containerd-namespace "${docker_dir##*/}" --containerd-plugins-namespace "${docker_dir##*/}-plugins" \
            --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/${docker_dir##*/}"
    ) 9>"$2" >"$docker_dir/log" 2>&1 </dev/null &
    docker_pid=$!
    while ! docker -H "unix://$docker_dir/docker.sock" version >/dev/null 2>&1; do
        if ! is_running "$docker_pid" || [ "$SECONDS" -ge "$deadline" ]; then
            kill "$docker_pid" 2>/dev/null || true
            wait "$docker_pid" || status=$?
            docker_pid=
            return "$status"
        fi
        sleep 0.1
    done
    export DOCKER_HOST=unix://$docker_dir/docker.sock
    say "Started dockerd (process $docker_pid, images in $1)"
    remove_containers # of a run that was killed
}

remove_containers() {
    docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes >/dev/null || true
    docker network prune --force >/dev/null || true
}

# Ends our own dockerd; one that was there before is nobody's business.
stop_docker() {
    [ -n "$docker_dir" ] || return 0
    [ -z "$docker_pid" ] || end_dockerd
    restore_host
    rm -rf --one-file-system -- "$docker_dir"
    docker_dir=
    unset DOCKER_HOST
}

end_dockerd() {
    local pid deadline=$((SECONDS + 30))
    remove_containers
    docker image prune --force >/dev/null || true
    kill "$docker_pid" 2>/dev/null || true
    while is_running "$docker_pid" && [ "$SECONDS" -lt "$deadline" ]; do
        sleep 0.1
    done
    # Where it was killed, its containerd and the shims go on: all of them name our folder.
    grep -lsF -- "$docker_dir/" /proc/[0-9]*/cmdline | cut -d/ -f3 | while read -r pid; do
        [[ $(readlink "/proc/$pid/exe") != */@(dockerd|containerd|containerd-shim*) ]] || kill -KILL "$pid" 2>/dev/null || true
    done || true
    wait "$docker_pid" 2>/dev/null || true
    docker_pid=
    end_containers
}

# What a container has started goes on where its shim was killed. It is in the container's cgroup.
end_containers() {
    local deadline=$((SECONDS + 5)) pids
    while pids=$(engine_cgroups -exec cat {}/cgroup.procs \; 2>/dev/null | sort -u) && [ -n "$pids" ] &&
        [ "$SECONDS" -lt "$deadline" ]; do
        # shellcheck disable=SC2086  # one word each
        kill -KILL $pids 2>/dev/null || true
        sleep 0.1
    done
}

# engine_cgroups FIND ARGUMENT...: the cgroups of our dockerd's containers, inner ones first.
engine_cgroups() {
    find /sys/fs/cgroup -depth -type d -path "*/${docker_dir##*/}*" "$@"
}

# may_use_docker USER: a user of our own, made for a test, gets the engine: our socket, or the group of the host's.
may_use_docker() {
    local socket=${DOCKER_HOST:-unix:///var/run/docker.sock} group
    [[ $socket == unix://* ]] || return 0
    socket=${socket#unix://}
    if [ -n "$docker_dir" ]; then
        chgrp -- "$(id -g "$1")" "$socket"
        return
    fi
    group=$(stat -Lc %G -- "$socket")
    if [ "$group" = root ] || ! getent group "$group" >/dev/null; then
        die 3 "$1 cannot use $socket: it belongs to the group $group"
    fi
    usermod --append --groups "$group" "$1"
}

# Whether a child of this shell still runs: one that has ended keeps its pid until somebody waits for it.
is_running() {
    [[ $(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) == [^ZX] ]]
}

# The nodes of a cluster are one user's, and use some 70 instances; Linux allows a user 128.
inotify_instances=/proc/sys/fs/inotify/max_user_instances

docker_files=(/etc/docker /etc/docker/key.json /run/docker /run/docker/plugins /run/containerd /run/containerd/s)

# What dockerd changes on the host, as it is now.
remember_host() {
    local program file
    packet_filter_tables >"$docker_dir/tables"
    for program in iptables ip6tables; do
        "$program-save" >"$docker_dir/$program" 2>/dev/null || true
    done
    sysctls >"$docker_dir/sysctls"
    bridges >"$docker_dir/bridges"
    for file in "${docker_files[@]}"; do
        [ ! -e "$file" ] || printf '%s\n' "$file"
    done >"$docker_dir/files"
}

restore_host() {
    local program bridge file setting mounted family name i
    # A dockerd that was killed leaves mounts and its networks' bridges.
    awk -v "dir=$docker_dir/" -v "data=$docker_data" 'index($5, dir) == 1 || index($5 "/", data "/") == 1 { print $5 }' \
        /proc/self/mountinfo | tac | while read -r mounted; do umount -- "$mounted" || true; done
    bridges | grep -vxFf "$docker_dir/bridges" | grep -xE 'docker0|br-[0-9a-f]{12}' |
        while read -r bridge; do ip link delete "$bridge"; done || true
    for program in iptables ip6tables; do
        command -v "$program-restore" >/dev/null && undo_rules "$program"
    done
    # iptables leaves its tables behind. One that is new and empty was dockerd's.
    packet_filter_tables | grep -vxFf "$docker_dir/tables" | while read -r _ family name; do
        nft --json list table "$family" "$name" 2>/dev/null | grep -q '"rule"' || nft delete table "$family" "$name" || true
    done || true
    sysctls | grep -vxFf "$docker_dir/sysctls" | cut -d= -f1 | while read -r setting; do
        file=$(grep -m 1 "^$setting=" "$docker_dir/sysctls") && printf '%s' "${file#*=}" >"$setting"
    done || true
    engine_cgroups -exec rmdir -- {} + 2>/dev/null || true
    for ((i = ${#docker_files[@]} - 1; i >= 0; i--)); do
        file=${docker_files[i]}
        grep -qxF "$file" "$docker_dir/files" || rm -d -- "$file" 2>/dev/null || true
    done
}

bridges() {
    ip -o link show type bridge | sed 's/^[0-9]*: \([^:@]*\).*/\1/'
}

packet_filter_tables() {
    nft list tables 2>/dev/null || true
}

# What dockerd sets, and what kubelet and systemd set in a kind node, which is a privileged container. ip_forward comes
# first: to set it changes others.
sysctls() {
    grep -sH '' /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/{forwarding,accept_redirects} \
        /proc/sys/net/ipv6/conf/*/forwarding /proc/sys/net/bridge/bridge-nf-call-* \
        /proc/sys/vm/{overcommit_memory,panic_on_oom} /proc/sys/kernel/{panic,panic_on_oops} \
        /proc/sys/kernel/keys/root_{maxbytes,maxkeys} /proc/sys/kernel/pid_max /proc/sys/fs/{file-max,nr_open} \
        /proc/sys/fs/protected_{fifos,hardlinks,regular,symlinks} "$inotify_instances" | sed 's/:/=/' || true
}

# undo_rules PROGRAM: take back the rules, chains and policies that are new since remember_host.
undo_rules() {
    "$1-save" 2>/dev/null | awk '
        !now && /^\*/ { table = $0 }
        !now && /^:/ { policy[table, $1] = $2 }
        !now && /^-A/ { was[table, $0] }
        !now { next }
        /^\*/ { table = $0; chains = 0; print }
        /^:/ && (table, $1) in policy && policy[table, $1] != $2 { print "-P", substr($1, 2), policy[table, $1] }
        /^:/ && !((table, $1) in policy) && $2 == "-" { chain[++chains] = substr($1, 2) }
        /^:/ && !((table, $1) in policy) && $2 == "DROP" { print "-P", substr($1, 2), "ACCEPT" }
        /^-A/ && !((table, $0) in was) { sub(/^-A/, "-D"); print }
        /^COMMIT/ {
            for (i = 1; i <= chains; i++) print "-F", chain[i]
            for (i = 1; i <= chains; i++) print "-X", chain[i]
            print
        }
    ' now=0 "$docker_dir/$1" now=1 - | "$1-restore" --noflush || true
}
