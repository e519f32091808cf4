#!/bin/sh
# Build a CPython without a global lock, a wheel for it into dist, and run the tests with that wheel.
# usage: make test-free-threaded, which first copies the tree to build/free-threaded
#
# The interpreter is built from the source that sources.toml pins, and again only when that source or
# the flags change. No torch is made for it that is not made for GPUs as well, gigabytes of it: what
# needs torch is left out, which is tests/test_torch.py and all that is marked `torch`. What stands above
# the core is tested elsewhere, with the packages of its extras: ONCE names the files of its tests, and
# what else needs those packages is marked `extras`.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
tree=$root/build/free-threaded
prefix=$root/build/python-free-threaded
venv=$root/build/free-threaded-venv
log=$prefix.log
flags="--disable-gil --disable-test-modules --without-ensurepip --without-static-libpython"

fail() {
    echo "free-threaded: $*" >&2
    exit 1
}

logged() {
    "$@" >>"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        fail "\`$1\` failed; $log has all that was said"
    }
}

build_python() {
    tarball=$(.venv/bin/python scripts/sources.py python) || exit 1
    tarball=$(echo "$tarball" | tail -n 1) # above it there may be a warning
    stamp="$(sha256sum "$tarball") $flags $prefix"
    test "$(cat "$prefix/made-from" 2>/dev/null)" != "$stamp" || return 0
    echo "free-threaded: building $(basename "$tarball"), which takes some minutes"
    rm -rf "$prefix" "$prefix-work" "$venv"
    mkdir -p "$prefix-work"
    : >"$log"
    logged tar -xf "$tarball" -C "$prefix-work" --strip-components=1
    cd "$prefix-work"
    unset MAKEFLAGS MFLAGS # of the make that has called us
    # shellcheck disable=SC2086 # a list of words
    logged ./configure --prefix="$prefix" $flags
    logged make -j"$(nproc)"
    logged make install
    cd "$root"
    rm -r "$prefix-work"
    echo "$stamp" >"$prefix/made-from"
}

# What pyproject.toml asks for to build and to test, but for torch.
requirements() {
    "$venv/bin/python" - <<'END'
import tomllib

with open("pyproject.toml", "rb") as file:
    config = tomllib.load(file)
project = config["project"]
needed = config["build-system"]["requires"] + project["dependencies"]
needed += project["optional-dependencies"]["test"]
left_out = ("torch", "matplotlib", "pyarrow", "tqdm")
print(*(name for name in needed if not name.startswith(left_out)), sep="\n")
END
}

make_venv() {
    test -e "$venv/bin/pip" || "$prefix/bin/python3" -m venv --clear "$venv"
    # Of each the newest that has a wheel, since NumPy's newest may have none for this Python.
    requirements | "$venv/bin/python" -m pip install --quiet --only-binary :all: \
        --requirement /dev/stdin || fail "could not get what pyproject.toml asks for"
}

build_wheel() {
    cd "$tree"
    PYFFAUDIO_FFMPEG=bundled PYFFAUDIO_SOX=no "$venv/bin/python" -m pip wheel --quiet --no-deps \
        --no-build-isolation --wheel-dir build/dist . || fail "could not build the wheel"
    PATH="$root/.venv/bin:$PATH" auditwheel repair --wheel-dir build/repaired build/dist/*.whl ||
        fail "could not make the wheel one for any Linux"
    cd "$root"
    wheel=$(echo "$tree"/build/repaired/*-cp313-cp313t-manylinux*.whl)
    test -e "$wheel" || fail "the wheel is not one for a CPython 3.13 without a global lock"
    mkdir -p dist
    rm -f dist/*-cp3*t-*.whl
    cp "$wheel" dist
    "$venv/bin/python" -m pip install --quiet --no-deps --force-reinstall "$wheel"
}

test_wheel() {
    # Among the tests `import pyffaudio` finds the wheel, and not the source beside it.
    cd "$tree/tests"
    # With PYTHON_GIL=0 the lock would be off whatever is imported.
    unset PYTHON_GIL PYTHONPATH
    "$venv/bin/python" - "$venv" <<'END' || fail "what was imported is not as it should be"
import sys

import pyffaudio

assert pyffaudio.__file__.startswith(sys.argv[1]), pyffaudio.__file__
assert not sys._is_gil_enabled(), "the global lock is back"
END
    for name in $ONCE; do
        set -- "$@" --ignore "test_$name.py"
    done
    "$venv/bin/python" -m pytest -m "not torch and not sox and not extras" --ignore test_torch.py \
        --ignore-glob 'test_sox*.py' --ignore test_backends.py "$@"
}

test -e "$tree/setup.py" || fail "there is no build/free-threaded: run \`make test-free-threaded\`"
scripts/setup.sh free-threaded
build_python
make_venv
build_wheel
test_wheel
