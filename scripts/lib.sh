# shellcheck shell=bash
# Shared by scripts/demo, scripts/test and scripts/bench: find the clone, install what is missing, make .venv.
# Source it; it sets `root` (the clone) and `venv`, and changes nothing by itself.

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck disable=SC2034  # used by the scripts that source this file
venv=$root/.venv
# An ordinary user's PATH often lacks the folders of nft and useradd.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() {
    printf '==> %s\n' "$*" >&2
}

# die CODE MESSAGE...: one line per argument.
die() {
    local code=$1
    shift
    printf '%s\n' "${0##*/}: $1" "${@:2}" >&2
    exit "$code"
}

# The arguments as one line that a shell reads back.
quoted() {
    local line
    printf -v line ' %q' "$@"
    printf '%s' "${line:1}"
}

# Whether sudo can be used here: without a password, or with someone at the terminal to type it.
have_sudo() {
    command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }
}

# The oldest supported Python is 3.11. System interpreters only: one under somebody's home may be unreadable to
# other users, and then so is the virtual environment made from it.
find_python() {
    local python
    for python in /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11 /usr/bin/python3; do
        if [ -x "$python" ] && { [ "$python" != /usr/bin/python3 ] || "$python" -IS -c \
            'import sys; sys.exit(sys.version_info < (3, 11))'; }; then
            printf '%s' "$python"
            return 0
        fi
    done
    return 1
}

# missing_packages [bird2] [frr-pythontools] [gobgpd] [zsh] [fish] [docker]: prints the packages that are missing, one a
# line. Looks for files, which costs nothing when all are there. What only some labs or tests need is asked for by name; any
# engine will do as docker.
missing_packages() {
    local python
    if [ ! -x /usr/lib/frr/bgpd ] || [ ! -x /usr/lib/frr/zebra ] || ! command -v vtysh >/dev/null; then echo frr; fi
    command -v ip >/dev/null || echo iproute2
    command -v nft >/dev/null || echo nftables
    command -v newuidmap >/dev/null || echo uidmap
    command -v ping >/dev/null || echo iputils-ping
    command -v curl >/dev/null || echo curl
    [[ " $* " != *" bird2 "* ]] || [ -x /usr/sbin/bird ] || echo bird2
    [[ " $* " != *" frr-pythontools "* ]] || [ -e /usr/lib/frr/frr-reload.py ] || echo frr-pythontools
    local program
    for program in gobgpd zsh fish; do
        [[ " $* " != *" $program "* ]] || command -v "$program" >/dev/null || echo "$program"
    done
    if [[ " $* " == *" docker "* ]]; then
        if ! command -v dockerd >/dev/null; then echo docker.io; elif ! command -v docker >/dev/null; then echo docker-cli; fi
    fi
    compgen -G '/usr/lib/*/libpcap.so.0.8' >/dev/null || echo libpcap0.8
    if ! python=$(find_python); then
        printf '%s\n' python3 python3-venv
    elif [ ! -x "$venv/bin/python" ] && ! "$python" -IS -c 'import ensurepip' 2>/dev/null; then
        if [ "$python" = /usr/bin/python3 ]; then echo python3-venv; else echo "${python##*/}-venv"; fi
    fi
}

# install_as_root PACKAGE...: as root, or through sudo.
install_as_root() {
    local install=("$root/scripts/install-packages" "$@")
    if [ "$(id -u)" -eq 0 ]; then
        "${install[@]}" >&2 || die 3 "could not install: $*"
    elif have_sudo; then
        sudo -- "${install[@]}" >&2 || die 3 "could not install: $*"
    else
        die 3 "these packages are missing and only root can install them: $*" "As root, run:  $(quoted "${install[@]}")"
    fi
}

# install_packages [bird2] [frr-pythontools] [gobgpd] [zsh] [fish] [docker]: what is missing.
install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing packages: ${missing[*]} (a host's routing service that was not there before stays off)"
    install_as_root "${missing[@]}"
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -eq 0 ] || die 3 "still missing after the installation: ${missing[*]}" \
        "netlab needs FRR, iproute2, nftables, newuidmap, ping, curl, libpcap and Python 3.11 or later with venv."
}

# What the virtual environment was made from. Virtual environments cannot be moved, so the place counts too.
venv_stamp() {
    local lock=$1 python=$2
    printf '%s %s %s\n' "$(readlink -f -- "$python")" "$venv" \
        "$(cd -- "$root" && cat requirements.lock "$lock" pyproject.toml | sha256sum)"
}

venv_is_current() {
    local lock=$1 python=$2 stamp=$venv/.made-from-$1
    [ -x "$venv/bin/python" ] && [ -r "$stamp" ] && [ "$(<"$stamp")" = "$(venv_stamp "$lock" "$python")" ]
}

# Runs in a subshell that holds a lock on the clone, so that two scripts do not build one environment at once.
build_venv() {
    local lock=$1 python=$2 step
    venv_is_current "$lock" "$python" && return 0
    umask 022 # every user may read it
    say "Making .venv with ${python##*/} (locked versions from $lock)"
    # The old stamps go first: an interrupted build must not pass for a finished one.
    rm -f -- "$venv"/.made-from-*
    local pip=("$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input install)
    for step in create requirements package; do
        # editable_mode=compat: a plain path. By default a folder named netlab in the working directory, such as a clone,
        # would pass for the package.
        case $step in
            create)
                if [ "$(readlink -f -- "$venv/bin/python")" != "$(readlink -f -- "$python")" ] ||
                    ! "${pip[@]}" --help >/dev/null 2>&1; then
                    "$python" -m venv --clear "$venv"
                fi
                ;;
            requirements) "${pip[@]}" -r "$root/$lock" ;;
            package) "${pip[@]}" --no-deps --no-build-isolation --config-settings editable_mode=compat -e "$root" ;;
        esac || die 3 "could not make .venv (step: $step); the message above says why"
    done
    # A user who may not write here would compile netlab anew at every start.
    "$venv/bin/python" -m compileall -q "$root/netlab" || true
    # root working in another user's clone must not leave files that the user cannot renew.
    if [ ! -O "$root" ]; then
        chown -R --no-dereference --reference="$root" -- "$venv" "$root/netlab"
    fi
    venv_stamp requirements.lock "$python" >"$venv/.made-from-requirements.lock"
    [ "$lock" = requirements.lock ] || venv_stamp "$lock" "$python" >"$venv/.made-from-$lock"
}

# make_venv LOCK: .venv holds exactly what LOCK names, and netlab itself. A few milliseconds when nothing changed.
make_venv() {
    local lock=$1 python
    python=$(find_python) || die 3 "no Python 3.11 or later in /usr/bin"
    venv_is_current "$lock" "$python" && return 0
    if [ ! -w "$root" ] || { [ -e "$venv" ] && [ ! -w "$venv" ]; }; then
        die 3 "$venv is missing or out of date, and $(id -un) may not write there" \
            "As $(stat -c %U "$root"), run:  $(quoted "$root/scripts/$(basename -- "$0")" --install-only)"
    fi
    # The lock is on the folder itself; the descriptor ends with the subshell, so no daemon inherits it.
    (
        flock 9
        build_venv "$lock" "$python"
    ) 9<"$root"
}

# Whether this user may make user namespaces and act as root in them. Tried with the Python that runs labs, because
# AppArmor (Ubuntu 24.04) decides by program, and by doing what needs the capability: it lets the unshare pass and
# takes the capabilities away. CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET; MS_REC | MS_PRIVATE.
user_namespaces_work() {
    "$venv/bin/python" -IS - 2>/dev/null <<'PROBE'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
uid = os.getuid()
if libc.unshare(0x10000000 | 0x00020000 | 0x40000000):
    sys.exit(1)
with open("/proc/self/uid_map", "w") as uid_map:
    uid_map.write(f"0 {uid} 1")
sys.exit(libc.mount(None, b"/", None, ctypes.c_ulong(0x4000 | 0x40000), None) != 0)
PROBE
}

# Why they do not, for messages.
why_no_user_namespaces() {
    if [ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null)" = 1 ]; then
        printf 'AppArmor forbids them (sysctl kernel.apparmor_restrict_unprivileged_userns = 1)'
    elif [ "$(cat /proc/sys/kernel/unprivileged_userns_clone 2>/dev/null)" = 0 ]; then
        printf 'the kernel forbids them (sysctl kernel.unprivileged_userns_clone = 0)'
    elif [ "$(cat /proc/sys/user/max_user_namespaces 2>/dev/null)" = 0 ]; then
        printf 'the kernel forbids them (sysctl user.max_user_namespaces = 0)'
    else
        printf 'this host forbids them'
    fi
}
