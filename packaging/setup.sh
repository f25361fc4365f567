#!/bin/sh
# Make a machine ready for Paddock and hand over to uv: `packaging/setup.sh run pytest`.
#
# Needs python3 and make. Sees to everything else: the C and C++ compiler and CMake (the engine is
# compiled), the libraries Qt needs, Python's venv module, and uv, which makes the environment. Each
# thing it does is told in one line; when nothing is missing it says nothing. System packages are
# installed on Debian and Ubuntu only, when this is root or `sudo -n` works; elsewhere the line to
# type is printed.
# Needs no answer from anyone: it never reads stdin.
set -eu

UV_VERSION=0.13.9     # what is installed into .uv/ when there is none
UV_AT_LEAST=0.8.4     # knows [tool.uv.config-settings-package] (pyproject.toml); 0.8.0 does not
# System libraries that Qt's modules and its X11 plugin load (by `ldd`; those for Wayland come with
# a Wayland desktop), each with its Debian package. The package's name may differ (t64), so what
# counts is whether the linker knows the library.
QT_LIBRARIES="
libGL.so.1=libgl1 libEGL.so.1=libegl1 libX11.so.6=libx11-6 libX11-xcb.so.1=libx11-xcb1
libfontconfig.so.1=libfontconfig1 libdbus-1.so.3=libdbus-1-3 libglib-2.0.so.0=libglib2.0-0
libgssapi_krb5.so.2=libgssapi-krb5-2 libxkbcommon.so.0=libxkbcommon0
libxkbcommon-x11.so.0=libxkbcommon-x11-0 libxcb-cursor.so.0=libxcb-cursor0 libxcb-util.so.1=libxcb-util1
libxcb-icccm.so.4=libxcb-icccm4 libxcb-image.so.0=libxcb-image0
libxcb-keysyms.so.1=libxcb-keysyms1 libxcb-randr.so.0=libxcb-randr0
libxcb-render.so.0=libxcb-render0 libxcb-render-util.so.0=libxcb-render-util0
libxcb-shape.so.0=libxcb-shape0 libxcb-shm.so.0=libxcb-shm0 libxcb-sync.so.1=libxcb-sync1
libxcb-xfixes.so.0=libxcb-xfixes0 libxcb-xkb.so.1=libxcb-xkb1"
# What the tests of the real window need: a screen that is not there, a window manager, keys, a
# tray, and Japanese letters.
TEST_PROGRAMS="Xvfb=xvfb openbox=openbox xdotool=xdotool trayer=trayer dbus-daemon=dbus-daemon
/usr/libexec/at-spi-bus-launcher=at-spi2-core"
TEST_FONT=fonts-noto-cjk

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
}

# What the window lacks, as Debian packages; the commands and the server work without.
missing_for_window() {
    # Debian's ldconfig is outside the PATH of plain users.
    known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null) || known=""
    if [ -n "$known" ]; then
        for pair in $QT_LIBRARIES; do
            case $known in *"${pair%%=*} "*) ;; *) printf ' %s' "${pair#*=}" ;; esac
        done
    fi
    # Tests only, and only where apt can bring them: without them those tests say what is missing.
    if [ "$1" = pytest ] && have apt-get; then
        for pair in $TEST_PROGRAMS; do
            have "${pair%%=*}" || printf ' %s' "${pair#*=}"
        done
        dpkg -s "$TEST_FONT" >/dev/null 2>&1 || printf ' %s' "$TEST_FONT"
        # A frozen folder needs Python as a library; the system's own has it in another package.
        library=$("$PYTHON" -c 'import sys, sysconfig
print(sysconfig.get_config_var("INSTSONAME") if sys.base_prefix == "/usr" else "")')
        if [ -n "$library" ]; then
            case $known in *"$library "*) ;; *) printf ' %s' "${library%%.so*}" ;; esac
        fi
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
    packages=$(missing_for_window "${2:-}")
    if [ -n "$packages" ]; then
        if have apt-get && have dpkg && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
            # shellcheck disable=SC2086  # a list of words
            (apt_install $packages) || say "going on without them; the window may not open"
        else
            say "for the window these are missing (by their Debian names):$packages"
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
