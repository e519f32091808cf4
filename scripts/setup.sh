#!/bin/sh
# Bring a Debian machine that has Python, make and git to where `make demo` or `make test` can run.
# usage: [PYTHON=python3] scripts/setup.sh demo|test
#
# It installs only what is missing, and Python packages only into .venv. The real recordings come
# from Debian too, each under its own licence: speech by Allison Smith (asterisk-core-sounds-en-*,
# CC-BY-SA-3.0), music by Kenta Cho (noiz2sa-data, BSD-2-Clause) and by Michael Kievernagel
# (asc-music, GPL-2+).
set -eu
cd "$(dirname "$0")/.."
purpose=$1
python=${PYTHON:-python3}

fail() {
    echo "setup: $*" >&2
    exit 1
}

need() { # PACKAGE COMMAND...: the package is missing if the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

find_missing() {
    missing=
    need "python$version-venv" "$python" -c 'import ensurepip'
    need "python$version-dev" test -e "$headers/Python.h"
    need gcc command -v gcc
    need libc6-dev test -e /usr/include/stdio.h
    need pkg-config command -v pkg-config
    need ffmpeg command -v ffmpeg
    if [ "${PYFFAUDIO_FFMPEG:-system}" = system ]; then
        for library in libavformat libavcodec libavutil libswresample; do
            need "$library-dev" pkg-config --exists "$library"
        done
    fi
    speech=/usr/share/asterisk/sounds/en_US_f_Allison/demo-congrats
    need asterisk-core-sounds-en-wav test -e $speech.wav
    need noiz2sa-data test -e /usr/share/games/noiz2sa/sounds/stg3.ogg
    if [ "$purpose" = test ]; then
        need asterisk-core-sounds-en-g722 test -e $speech.g722
        need asc-music test -e /usr/share/games/asc/music/frontiers.mp3
    fi
}

apt() {
    # shellcheck disable=SC2086 # nothing, or the one word sudo
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300 "$@"
}

install_missing() {
    by_hand="apt-get install$missing"
    command -v apt-get >/dev/null || fail "what these Debian packages hold must be here first:$missing"
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo=sudo
        command -v sudo >/dev/null || fail "there is no sudo here: run \`$by_hand\` as root first"
    fi
    echo "setup: $by_hand"
    # shellcheck disable=SC2086 # a list of words
    set -- install --no-install-recommends $missing
    # Package lists may be absent or out of date; most often they are neither.
    apt "$@" >/dev/null 2>&1 || { apt update && apt "$@"; } || fail "could not do \`$by_hand\`"
    find_missing
    [ -z "$missing" ] || fail "$python cannot use what was installed for:$missing"
}

# Our requirements are listed in pyproject.toml alone.
requirements() {
    .venv/bin/python - "$@" <<'END'
import sys, tomllib

with open("pyproject.toml", "rb") as file:
    config = tomllib.load(file)
project = config["project"]
extras = [project["optional-dependencies"][name] for name in sys.argv[1:]]
print(*sum(extras, config["build-system"]["requires"] + project["dependencies"]), sep="\n")
END
}

command -v "$python" >/dev/null || fail "there is no $python here: name a Python 3.11 or later with PYTHON=..."
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is Python $version: name a Python 3.11 or later with PYTHON=..."

find_missing
[ -z "$missing" ] || install_missing

"$python" -m venv .venv
extras=
[ "$purpose" = demo ] || extras="test lint"
# shellcheck disable=SC2086 # a list of words
requirements $extras | .venv/bin/python -m pip install --quiet --requirement /dev/stdin
