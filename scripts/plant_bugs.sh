#!/bin/sh
# Build pyffaudio in a copy of the tree with two bugs, which fuzzing under sanitizers must find: the
# memory for a FLAC frame is too small, and a packet is never freed.
# usage: scripts/plant_bugs.sh FOLDER
set -eu
cd "$1"
plant() { # FILE SCRIPT: the script of sed must change something
    sed "$2" "$1" >planted
    ! cmp -s planted "$1" || { echo "plant_bugs: $1 has no place for a bug any more" >&2; exit 1; }
    mv planted "$1"
}
plant pyffaudio/flac_kernel.c 's/kernel->channels \* sizeof(int32_t)/kernel->channels * sizeof(int16_t)/'
plant pyffaudio/_open.pxd '/av_packet_free(&media.ahead)/d'
PYFFAUDIO_SOX=no PYFFAUDIO_SANITIZE=address,undefined .venv/bin/python setup.py --quiet build_ext --inplace
