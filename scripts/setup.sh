# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts in this folder: packages and builds. Sourced, not run.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repository"

# Installs the packages of the given lists that are missing. Needs neither root nor the network
# when all are there.
require_packages() {
    local missing=() package
    while read -r package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
            missing+=("$package")
    done < <(cat "$@" | grep -v '^#')
    [ ${#missing[@]} -eq 0 ] && return
    echo "missing Debian packages: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        echo "run this, then start again: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 2
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# configure_and_build PRESET [-DOPTION=VALUE...] [TARGET...]
configure_and_build() {
    local preset=$1 options=()
    shift
    while [[ ${1:-} == -D* ]]; do
        options+=("$1")
        shift
    done
    cmake --preset "$preset" "${options[@]}" >/dev/null
    cmake --build --preset "$preset" --parallel "$(nproc)" ${1:+--target "$@"}
}
