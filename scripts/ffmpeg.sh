#!/bin/sh
# Leave an audio-only FFmpeg of this version in build/ffmpeg-VERSION, for `make matrix`: shared
# libraries, headers, pkg-config files, and the programs ffmpeg and ffprobe.
# usage: [PYFFAUDIO_FFMPEG_SOURCE=/folder] scripts/ffmpeg.sh VERSION
#
# The source is the newest ffmpeg_VERSION.*.orig.tar.xz in that folder, or else in Debian, of any
# suite, since only FFmpeg's own tarball is used. It is fetched once, by the system's apt, but with
# package lists of our own. Run again, this builds again only where the source, this script or the
# place of the checkout has changed.
set -eu
cd "$(dirname "$0")/.."
version=$1
prefix=$PWD/build/ffmpeg-$version
log=$prefix.log
work=$prefix-work
sources=$PWD/build/ffmpeg-source
lists=$sources/apt
unset MAKEFLAGS MFLAGS # of a make that runs us; they are not meant for FFmpeg's

# Nothing depends on what else this machine has. All of FFmpeg's own audio decoders are added below,
# as far as the LGPL goes; of encoders, muxers and filters, there are those that the tests need of
# the command, which writes raw samples for them.
flags="
    --prefix=$prefix --enable-rpath --enable-shared --disable-static --disable-debug --disable-doc
    --disable-programs --enable-ffmpeg --enable-ffprobe
    --disable-autodetect --enable-zlib --disable-network --disable-avdevice --disable-swscale
    --disable-hwaccels --disable-decoders --disable-encoders --disable-muxers --disable-filters
    --enable-encoder=pcm* --enable-muxer=pcm*,wav,matroska,md5,null
    --enable-filter=abuffer,abuffersink,aformat,anull,aresample,atrim,pan,volume
"

fail() {
    echo "ffmpeg: $*" >&2
    exit 1
}

logged() { # COMMAND...: what it prints matters only if it fails
    "$@" >>"$log" 2>&1 && return
    tail -n 40 "$log" >&2
    fail "\`$*\` failed; $log has all that was said"
}

newest_in() { # FOLDER
    find "$1" -maxdepth 1 -name "ffmpeg_$version.*orig.tar.xz" 2>/dev/null | sort -V | tail -n 1
}

lists_apt() { # PROGRAM ARGUMENT...: the system's apt, except that our lists are all that it knows
    program=$1
    shift
    "$program" -o Dir::Etc::sourcelist="$lists/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$lists/lists" -o Dir::Cache="$lists/cache" "$@"
}

fetch() {
    echo "ffmpeg: fetching the source of FFmpeg $version from Debian"
    mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null |
        sed -nE '/^ *#/d; s,.*(https?://[^ ]+/debian)/?( .*)?$,\1,p' | head -n 1)
    [ -n "$mirror" ] || fail "apt names no mirror of Debian here: set PYFFAUDIO_FFMPEG_SOURCE"
    keyring=$(find /usr/share/keyrings -name 'debian-archive-keyring.[gp]*' | head -n 1)
    for suite in trixie forky sid experimental; do
        echo "deb-src [signed-by=$keyring] $mirror $suite main"
    done >"$lists/sources.list"
    logged lists_apt apt-get update
    package=$(lists_apt apt-cache showsrc --only-source ffmpeg |
        sed -nE "s/^Version: ([0-9]+:${version}[.-].*)/\1/p" | sort -V | tail -n 1)
    [ -n "$package" ] || fail "$mirror has no FFmpeg $version: name a folder that has an" \
        "ffmpeg_$version.*.orig.tar.xz with PYFFAUDIO_FFMPEG_SOURCE"
    # apt checks the tarball against the signed lists. It is all we ask for, as the other files of
    # a package's last revision may be gone from a mirror already.
    (cd "$lists" && logged lists_apt apt-get source --download-only --tar-only "ffmpeg=$package")
    mv "$(newest_in "$lists")" "$sources"
}

# shellcheck disable=SC2086 # lists of words
install_missing() {
    missing=
    command -v nasm >/dev/null || missing="$missing nasm"
    command -v xz >/dev/null || missing="$missing xz-utils"
    [ -e /usr/include/zlib.h ] || missing="$missing zlib1g-dev"
    [ -n "$missing" ] || return 0
    echo "ffmpeg: apt-get install$missing"
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300"
    set -- install --no-install-recommends $missing
    # Package lists may be absent or out of date; most often they are neither.
    $apt "$@" >>"$log" 2>&1 || { logged $apt update && logged $apt "$@"; }
}

build() {
    echo "ffmpeg: building $tarball, which takes some minutes"
    rm -rf "$prefix" "$work"
    mkdir "$work"
    tar -xf "$tarball" -C "$work" --strip-components=1
    cd "$work"
    decoders=$(sed -n '/^\/\* audio codecs/,/^\/\* subtitles/p' libavcodec/allcodecs.c |
        sed -nE 's/^extern const FFCodec ff_(.*)_decoder;/\1/p' | paste -sd,)
    # Speex stands among the decoders of pictures.
    decoders=$decoders,speex
    [ "$decoders" != ,speex ] || fail "FFmpeg $version lists its audio decoders elsewhere than expected"
    # shellcheck disable=SC2086 # a list of words
    logged ./configure $flags --enable-decoder="$decoders"
    logged make -j"$(nproc)"
    logged make install
    echo "$stamp" >"$prefix/made-from"
    rm -r "$work"
}

mkdir -p build
: >"$log"
if [ -n "${PYFFAUDIO_FFMPEG_SOURCE:-}" ]; then
    sources=$PYFFAUDIO_FFMPEG_SOURCE
elif [ -z "$(newest_in "$sources")" ]; then
    fetch
fi
tarball=$(newest_in "$sources")
[ -n "$tarball" ] || fail "there is no ffmpeg_$version.*.orig.tar.xz in $sources"
stamp=$({ echo "$prefix" && cat scripts/ffmpeg.sh "$tarball"; } | sha256sum)
[ "$(cat "$prefix/made-from" 2>/dev/null)" = "$stamp" ] && exit
install_missing
build
