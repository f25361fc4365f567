#!/bin/sh
# Make a machine ready for Paddock and hand over to uv: `packaging/setup.sh run pytest`.
#
# Needs python3 and make. Sees to everything else: the C and C++ compiler and CMake (the engine is
# compiled), Python's venv module, and uv, which makes the environment. Each thing it does is told
# in one line; when nothing is missing it says nothing. System packages are installed on Debian and
# Ubuntu only, when this is root or `sudo -n` works; elsewhere the line to type is printed.
# Needs no answer from anyone: it never reads stdin.
set -eu

UV_VERSION=0.13.9     # what is installed into .uv/ when there is none
UV_AT_LEAST=0.8.4     # knows [tool.uv.config-settings-package] (pyproject.toml); 0.8.0 does not
# Libraries the window will need; joined to the list as soon as pyproject.toml names PySide6.
QT_PACKAGES=""

cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Install Debian packages, or print the line that does and stop.
apt_install() {
    line="apt-get install -y --no-install-recommends $*"
    if [ "$(id -u)" = 0 ]; then
        as_root=""
    elif have sudo && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        fail "these packages are missing: $*. Type this, then try again:
    sudo $line"
    fi
    say "installing $* with apt"
    log=$(mktemp)
    if ! { $as_root apt-get update -q &&
        $as_root env DEBIAN_FRONTEND=noninteractive $line; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "apt could not install them. Type this to see why:
    sudo apt-get update && sudo $line"
    fi
    rm -f "$log"
}

# What is missing, as Debian packages.
missing_packages() {
    { have cc && have c++; } || { have gcc && have g++; } || { have clang && have clang++; } ||
        printf ' gcc g++'
    have cmake || printf ' cmake'
    have make || have ninja || printf ' make'
    # Only a new .uv/ needs venv; Debian keeps its pip (ensurepip) in a package of its own.
    [ -n "$1" ] || "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || printf ' python3-venv'
    if [ -n "$QT_PACKAGES" ]; then
        for package in $QT_PACKAGES; do
            dpkg -s "$package" >/dev/null 2>&1 || printf ' %s' "$package"
        done
    fi
}

# A uv that is new enough: the one on PATH, else ours; prints nothing when there is neither.
find_uv() {
    for uv in "$(command -v uv 2>/dev/null || true)" .uv/bin/uv; do
        [ -n "$uv" ] && [ -x "$uv" ] || continue
        found=$("$uv" --version 2>/dev/null) || continue
        [ "$uv" != .uv/bin/uv ] || [ "$(echo "$found" | cut -d' ' -f2)" = "$UV_VERSION" ] || continue
        if echo "$found" | awk -v least="$UV_AT_LEAST" '{
            split($2, a, /[.+-]/); split(least, b, ".")
            for (i = 1; i <= 3; i++) {
                if (a[i] + 0 > b[i] + 0) exit 0
                if (a[i] + 0 < b[i] + 0) exit 1
            }
        }'; then
            echo "$uv"
            return
        fi
    done
}

have "$PYTHON" || fail "there is no $PYTHON; install Python 3.11 or newer"
case $(uname -s) in
Darwin)
    xcode-select -p >/dev/null 2>&1 ||
        fail "Xcode's command line tools are missing. Type this, then try again:
    xcode-select --install"
    # Without a CMake of the system's the build takes the pinned one, as a Python package.
    ;;
Linux)
    packages=$(missing_packages "$(find_uv)")
    if [ -n "$packages" ]; then
        if have apt-get && have dpkg; then
            # shellcheck disable=SC2086  # a list of words
            apt_install $packages
        else
            fail "these are missing (by their Debian names):$packages. Install them, then try again"
        fi
    fi
    ;;
*) fail "this script is for Linux and macOS; on Windows type: uv run paddock" ;;
esac

uv=$(find_uv)
if [ -z "$uv" ]; then
    say "installing uv $UV_VERSION into .uv"
    rm -rf .uv
    "$PYTHON" -m venv .uv || fail "$PYTHON cannot make a virtual environment"
    .uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" </dev/null ||
        fail "uv could not be installed; is there a connection to the network?"
    uv=$(find_uv)
    [ -n "$uv" ] || fail "the uv just installed into .uv does not work on this system"
fi
ls .venv/lib/python3*/site-packages/bin/llama-server >/dev/null 2>&1 ||
    say "making the environment; the first time the engine is compiled: 5 to 10 minutes"
exec "$uv" "${@:-sync}"
