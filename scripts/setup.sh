#!/bin/sh
# Bring a Debian machine that has Python, make and git to where `make demo` or `make test` can run,
# where FFmpeg can be built by scripts/ffmpeg.py, or CPython by scripts/test_free_threaded.sh, or
# where scripts/test_wheel.sh has root file systems to try the wheel in, or `make bench` has other
# libraries to measure beside.
# usage: [PYTHON=python3] scripts/setup.sh demo|test|browser|ray|ffmpeg|free-threaded|wheel|bench
#
# It installs only what is missing, and Python packages only into .venv. The real recordings come
# from Debian too, each under its own licence: speech by Allison Smith (asterisk-core-sounds-en-*,
# CC-BY-SA-3.0), music by Kenta Cho (noiz2sa-data, BSD-2-Clause) and by Michael Kievernagel
# (asc-music, GPL-2+). What the tests' encoders cannot make is among the test data of two Python
# packages, mutagen (GPL-2+) and mediafile (MIT).
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
    if [ "$purpose" = ffmpeg ]; then
        need gcc command -v gcc
        need libc6-dev test -e /usr/include/stdio.h
        need nasm command -v nasm
        need cmake command -v cmake
        need patch command -v patch
        need xz-utils command -v xz
        need zlib1g-dev test -e /usr/include/zlib.h
        return
    fi
    if [ "$purpose" = free-threaded ]; then
        need gcc command -v gcc
        need libc6-dev test -e /usr/include/stdio.h
        need pkg-config command -v pkg-config
        # Without these, CPython is built without ssl, ctypes and zlib, which pip and NumPy need.
        need libssl-dev pkg-config --exists openssl
        need libffi-dev pkg-config --exists libffi
        need zlib1g-dev pkg-config --exists zlib
        return
    fi
    if [ "$purpose" = browser ]; then
        need chromium command -v chromium
        need fonts-dejavu-core test -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
        return
    fi
    if [ "$purpose" = wheel ]; then
        need debootstrap test -e /usr/sbin/debootstrap
        need debian-archive-keyring test -e /usr/share/keyrings/debian-archive-keyring.gpg
        return
    fi
    need "python$version-venv" "$python" -c 'import ensurepip'
    need "python$version-dev" test -e "$headers/Python.h"
    need gcc command -v gcc
    need libc6-dev test -e /usr/include/stdio.h
    need pkg-config command -v pkg-config
    need ffmpeg command -v ffmpeg
    if [ "${PYFFAUDIO_FFMPEG:-system}" = system ]; then
        for library in libavfilter libavformat libavcodec libavutil libswresample; do
            need "$library-dev" pkg-config --exists "$library"
        done
    fi
    need libsox-dev pkg-config --exists sox
    speech=/usr/share/asterisk/sounds/en_US_f_Allison/demo-congrats
    need asterisk-core-sounds-en-wav test -e $speech.wav
    need noiz2sa-data test -e /usr/share/games/noiz2sa/sounds/stg3.ogg
    [ "$purpose" = demo ] || need asterisk-core-sounds-en-g722 test -e $speech.g722
    [ "$purpose" != bench ] || need valgrind command -v valgrind
    if [ "$purpose" = test ]; then
        need asc-music test -e /usr/share/games/asc/music/frontiers.mp3
        need strace command -v strace
        for program in lame twolame flac wavpack sox; do
            need $program command -v $program
        done
        need vorbis-tools command -v oggenc
        need opus-tools command -v opusenc
        need speex command -v speexenc
        need libsox-fmt-base sh -c 'ls /usr/lib/*/sox/libsox_fmt_amr_nb.so'
        need libsox-fmt-mp3 sh -c 'ls /usr/lib/*/sox/libsox_fmt_mp3.so'
        need libvo-amrwbenc0 "$python" -c 'import ctypes; ctypes.CDLL("libvo-amrwbenc.so.0")'
    fi
}

find_sudo() {
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo=sudo
        command -v sudo >/dev/null || fail "there is no sudo here: run \`$1\` as root first"
    fi
}

apt() {
    # shellcheck disable=SC2086 # nothing, or the one word sudo
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300 "$@"
}

install_missing() {
    by_hand="apt-get install$missing"
    command -v apt-get >/dev/null || fail "what these Debian packages hold must be here first:$missing"
    find_sudo "$by_hand"
    echo "setup: $by_hand"
    # shellcheck disable=SC2086 # a list of words
    set -- install --no-install-recommends $missing
    # Package lists may be absent or out of date; most often they are neither.
    apt "$@" >/dev/null 2>&1 || { apt update && apt "$@"; } || fail "could not do \`$by_hand\`"
    find_missing
    [ -z "$missing" ] || fail "$python cannot use what was installed for:$missing"
}

# Where this machine gets Debian from, and the name of the release.
mirror() {
    apt-get indextargets --format '$(REPO_URI) $(CODENAME)' \
        'Created-By: Packages' 'Component: main' 'Label: Debian' | awk '$2 !~ /-/ { print; exit }'
}

find_mirror() { # WHAT is sought there
    if [ -z "$(mirror)" ]; then
        find_sudo "apt-get update"
        apt update
    fi
    source=$(mirror)
    [ -n "$source" ] || fail "could not tell which Debian mirror has $1"
}

# The HE-AAC encoder is outside Debian's main component. It is unpacked into .venv/tools by a list of
# sources of its own, so that the machine's stays as it is.
unpack_tools() {
    test ! -e .venv/tools/usr/bin/fdkaac || return 0
    find_mirror fdkaac
    folder=$PWD/.venv/apt
    rm -rf "$folder" .venv/tools
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$keys] $source contrib non-free" >"$folder/sources.list"
    set -- -qq -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=- \
        -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache" \
        -o "APT::Sandbox::User=$(id -un)"
    (
        cd "$folder" && apt-get "$@" update && apt-get "$@" download fdkaac libfdk-aac2 &&
            dpkg -x fdkaac_*.deb unpacked && dpkg -x libfdk-aac2_*.deb unpacked
    ) || fail "could not get fdkaac and libfdk-aac2 from $source, components contrib and non-free"
    mv "$folder/unpacked" .venv/tools
    rm -r "$folder"
}

# The root file system of a Debian that has Python, and neither FFmpeg nor a compiler.
make_root() { # SUITE
    root=$PWD/build/rootfs-$1
    test ! -e "$root" || return 0
    find_mirror "$1"
    find_sudo "scripts/setup.sh wheel"
    echo "setup: making $root, which takes some minutes"
    mkdir -p build
    # It may have been left with the machine's own /dev mounted in it.
    $sudo rm -rf --one-file-system "$root.part"
    $sudo /usr/sbin/debootstrap --variant=minbase --include=python3-venv "$1" "$root.part" \
        "${source% *}" >"$root.log" 2>&1 || fail "could not make $root: $root.log says why"
    # So that the tests may write there, and `make clean` remove it.
    $sudo chown -R "$(id -u):$(id -g)" "$root.part"
    mv "$root.part" "$root"
}

fetch_samples() {
    test ! -e .venv/samples || return 0
    folder=.venv/sdists
    rm -rf $folder
    mkdir -p $folder/unpacked
    .venv/bin/python -m pip download --quiet --dest $folder --no-deps --no-binary :all: \
        --require-hashes --requirement /dev/stdin <<'END' || fail "could not get the test data of mutagen and mediafile"
mutagen==1.47.0 --hash=sha256:719fadef0a978c31b4cf3c956261b3c58b6948b32023078a2117b1de09f0fc99
mediafile==0.13.0 --hash=sha256:de71063e1bffe9733d6ccad526ea7dac8a9ce760105827f81ab0cb034c729a6d
END
    for archive in $folder/*.tar.gz; do
        tar -xzf "$archive" -C $folder/unpacked
    done
    mv $folder/unpacked .venv/samples
    rm -r $folder
}

# torchcodec finds the FFmpeg that the ffmpeg command brings.
install_peers() {
    "$python" -m venv build/bench/.venv
    set -- build/bench/.venv/bin/python -m pip install --quiet
    "$@" "$(grep ^torch== benchmarks/requirements.txt)" &&
        "$@" --requirement benchmarks/requirements.txt ||
        fail "could not install the libraries of benchmarks/requirements.txt"
    if build/bench/.venv/bin/python -m pip list | grep -i '^nvidia-\|^cuda'; then
        echo "setup: this torch is a build for GPUs; benchmarks use its CPU side" >&2
    fi
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
case $purpose in
ffmpeg | free-threaded) exit ;;
wheel)
    make_root bookworm
    make_root trixie
    exit
    ;;
bench)
    install_peers
    exit
    ;;
browser)
    requirements browser | .venv/bin/python -m pip install --quiet --requirement /dev/stdin
    exit
    ;;
esac

"$python" -m venv .venv
extras=
[ "$purpose" = demo ] || extras="test test-remote lint wheel datasets docs"
[ "$purpose" != ray ] || extras="$extras ray"
# shellcheck disable=SC2086 # a list of words
requirements $extras | .venv/bin/python -m pip install --quiet --requirement /dev/stdin
if [ "$purpose" = test ]; then
    unpack_tools
    fetch_samples
fi
