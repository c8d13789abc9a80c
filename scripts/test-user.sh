# shellcheck shell=bash
# Run something as an ordinary user, made for it and removed after it. Sourced by scripts/test; needs root.

test_user=netlab-test
test_user_comment="netlab lab tests (made by scripts/test)"

# A user with a range of subordinate uids and gids, as `adduser` gives everybody on Debian and Ubuntu.
make_test_user() {
    if getent passwd "$test_user" >/dev/null; then
        # One that an interrupted run left is used again; anybody else's is not touched.
        [ "$(getent passwd "$test_user" | cut -d: -f5)" = "$test_user_comment" ] ||
            die 3 "there is a user $test_user that this script did not make"
        [ -z "$(pids_of_test_user)" ] || die 3 "another test run uses $test_user: process $(pids_of_test_user | head -n 1)"
    else
        useradd --create-home --user-group --shell /bin/bash --comment "$test_user_comment" "$test_user"
    fi
    local file option next
    for file in /etc/subuid /etc/subgid; do
        grep -q "^$test_user:" "$file" 2>/dev/null && continue
        # useradd gives a range only where the files were there: take the first one that is free.
        next=$(awk -F: '$2 + $3 > next_free { next_free = $2 + $3 } END { print next_free < 100000 ? 100000 : next_free }' \
            "$file" 2>/dev/null || echo 100000)
        option=--add-${file#/etc/}s
        usermod "$option" "$next-$((next + 65535))" "$test_user"
    done
}

# Every process that runs as the user or as a subordinate uid of the user, zombies left out.
pids_of_test_user() {
    local uid first count status
    uid=$(id -u "$test_user")
    IFS=: read -r _ first count < <(grep "^$test_user:" /etc/subuid) || true
    for status in /proc/[0-9]*/status; do
        awk -v uid="$uid" -v first="${first:-0}" -v count="${count:-0}" '
            $1 == "State:" { state = $2 }
            $1 == "Pid:" { pid = $2 }
            $1 == "Uid:" && state != "Z" && ($2 == uid || ($2 >= first && $2 < first + count)) { print pid }
        ' "$status" 2>/dev/null || true
    done
}

# Prints what it ended: a lab test that leaves a process has failed.
end_processes_of_test_user() {
    local pid signal
    for signal in TERM KILL; do
        for pid in $(pids_of_test_user); do
            [ "$signal" = KILL ] || printf '  %s %s\n' "$pid" "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
            kill "-$signal" "$pid" 2>/dev/null || true
        done
        local deadline=$((SECONDS + 5))
        while [ -n "$(pids_of_test_user)" ] && [ "$SECONDS" -lt "$deadline" ]; do
            sleep 0.1
        done
    done
}

remove_test_user() {
    getent passwd "$test_user" >/dev/null || return 0
    end_processes_of_test_user >/dev/null
    # userdel's complaint about a mail spool that never was means nothing.
    userdel --remove "$test_user" 2>/dev/null || [ $? -eq 12 ]
}

# A clone below a private folder is copied: the virtual environment with it, its scripts made anew for the new place.
copy_clone() {
    local copy=$test_home/netlab
    say "$test_user cannot read $root: testing a copy"
    mkdir -- "$copy"
    tar -C "$root" --exclude=./.git --exclude='./.*_cache' --exclude=./.hypothesis --exclude=./netlab.egg-info -cf - . |
        tar -C "$copy" --no-same-owner -xf -
    root=$copy
    venv=$copy/.venv
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check install --no-deps --no-build-isolation -e "$root"
    chmod -R u+rwX,go+rX,go-w "$copy" # last: root's umask may keep what pip wrote from the user
}

# with_test_user COMMAND...: COMMAND, with `as_test_user` (a prefix that runs what follows as the user, in the user's
# own environment), `test_home`, and `root` and `venv` that the user can read. Fails too where processes are left.
# Call it in a subshell: it sets a trap.
with_test_user() {
    local status=0 left
    trap remove_test_user EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    make_test_user
    test_home=$(getent passwd "$test_user" | cut -d: -f6)
    chmod 0755 "$test_home"
    # Not runuser or su: no login session, whose end could remove XDG_RUNTIME_DIR or processes behind our back.
    as_test_user=(setpriv --reuid="$test_user" --regid="$test_user" --init-groups --reset-env
        env "PATH=/usr/local/bin:/usr/bin:/bin" "LANG=C.UTF-8" "TMPDIR=$test_home") # what tests leave goes with the home
    if ! (cd / && "${as_test_user[@]}" PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -c \
        'import netlab, pytest, sys; open(sys.argv[1]).close()' "$root/scripts/test" 2>/dev/null); then
        copy_clone
    fi
    "$@" || status=$?
    left=$(end_processes_of_test_user)
    if [ -n "$left" ]; then
        say "The tests left processes (ended now):" && printf '%s\n' "$left"
        status=1
    fi
    return "$status"
}

test_user_has_user_namespaces() {
    (cd / && "${as_test_user[@]}" bash -c ". $(quoted "$root/scripts/lib.sh") && user_namespaces_work") && return 0
    say "An ordinary user needs user namespaces, and $(why_no_user_namespaces)"
    return 3
}
