#!/bin/sh
# Test the wheel and the sdist of dist, which `make wheel` has put there, as one who installs them.
# usage: [PYTHON=python3] scripts/test_wheel.sh [PYTEST OPTION...]
#
# The wheel goes into an environment of its own, with PyAV, torchcodec and OpenCV beside it, and into
# root file systems of two Debians that have no FFmpeg; tests/wheel has what must hold there.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
venv=build/wheel-venv

fail() {
    echo "test_wheel: $*" >&2
    exit 1
}

# The checkout must not be what is imported.
unset PYTHONPATH

set -- dist/pyffaudio-*-abi3-*.whl -- "$@"
[ -e "$1" ] || fail "there is no wheel in dist: run \`make wheel\`"
[ "$2" = -- ] || fail "there is more than one wheel in dist: run \`make wheel\`"
wheel=$1
shift 2

[ -e build/oracle/made-from ] || fail "there is no other FFmpeg to stand beside: run \`make ffmpeg-oracle\`"
PYTHON="$python" scripts/setup.sh wheel

rm -rf $venv
"$python" -m venv $venv
# The extras come from the wheel's own metadata; auditwheel is among those of that name.
$venv/bin/python -m pip install --quiet "${wheel}[test,wheel,peers]" ||
    fail "could not install the wheel and what the tests of it need"

# Not `python -m pytest`, which would put this folder, and so the checkout, before the environment.
$venv/bin/pytest tests/wheel "$@"
$venv/bin/python benchmarks/import_time.py
