# shellcheck shell=bash
# Shared by scripts/unpack-frr and scripts/build-images: mmdebstrap, which makes the files of a Debian release, installed
# where it is missing and run in the way that this user can. Source it after scripts/lib.sh.

debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

install_mmdebstrap() {
    local missing=()
    command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
    [ -r "$debian_keyring" ] || missing+=(debian-archive-keyring)
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing packages: ${missing[*]}"
    install_as_root "${missing[@]}"
}

# mmdebstrap_for SUITE OPTION...: sets `mmdebstrap` to the command line that writes a tar file to standard output: as
# root, in a user namespace, or through sudo. Documentation and translations are left out.
mmdebstrap_for() {
    local suite=$1
    shift
    if [ "$(id -u)" -eq 0 ]; then
        mmdebstrap=(mmdebstrap --mode=root)
    elif unshare --user --map-root-user --mount true 2>/dev/null && grep -q "^$(id -un):" /etc/subuid 2>/dev/null; then
        mmdebstrap=(mmdebstrap --mode=unshare)
    elif have_sudo; then
        mmdebstrap=(sudo -- mmdebstrap --mode=root)
    elif unshare --user --map-root-user --mount true 2>/dev/null; then
        die 3 "unpacking Debian needs root, or subordinate ids for $(id -un)" \
            "As root, run:  usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
    else
        die 3 "unpacking Debian needs root, or user namespaces, and $(why_no_user_namespaces)"
    fi
    mmdebstrap+=(--format=tar --keyring="$debian_keyring" --dpkgopt=path-exclude=/usr/share/doc/*
        --dpkgopt=path-exclude=/usr/share/man/* --dpkgopt=path-exclude=/usr/share/locale/* "$@" "$suite" -)
}
