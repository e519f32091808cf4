# `make demo` and `make test` do all the set-up themselves; run again, they redo only what changed.
#
#   PYTHON=python3.13         the interpreter to make .venv with
#   PYFFAUDIO_FFMPEG=/prefix  the FFmpeg to build against (see setup.py); changed, it needs `make clean`
#   MATRIX="7.1 9.0"          the other FFmpegs of `make matrix` (see scripts/ffmpeg.sh)

PYTHON ?= python3
VENV := .venv/bin/python
CYTHON_SOURCES := $(wildcard pyffaudio/*.pyx pyffaudio/*.pxd)
SOURCES := pyffaudio tests scripts benchmarks docs setup.py pyproject.toml LICENSE $(wildcard *.md)
MATRIX := 7.1 9.0

# A copy of the tree, with the same .venv, to build the extension there in another way.
define copy_tree
rm -rf $(1) && mkdir -p $(1)
cp -r $(SOURCES) $(1) && ln -s $(CURDIR)/.venv $(1)
rm -f $(1)/pyffaudio/*.so $(1)/pyffaudio/*.c
endef

.NOTPARALLEL:
.PHONY: help demo test test-all matrix $(MATRIX:%=matrix-%) sanitize lint build clean

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 10

demo: build  ## decode real recordings, or FILE=my.mp3, and say what was found and how fast
	@$(VENV) scripts/demo.py $(if $(FILE),"$(FILE)")

test: lint  ## run all checks, then the tests
	$(VENV) -m pytest

test-all: test matrix sanitize  ## run everything there is, however long it takes

matrix: $(MATRIX:%=matrix-%)  ## run the tests against each FFmpeg of MATRIX, built from source

$(MATRIX:%=matrix-%): matrix-%: .venv/ready-for-test
	scripts/ffmpeg.sh $*
	$(call copy_tree,build/matrix-$*)
	cd build/matrix-$* && \
	export PYFFAUDIO_FFMPEG=$(CURDIR)/build/ffmpeg-$* PYTHONPATH=$(CURDIR)/build/matrix-$* && \
	$(VENV) setup.py --quiet build_ext --inplace && \
	$(VENV) -c 'from pyffaudio import versions; path = versions()["path"]; print(path); \
		assert path.startswith("$(CURDIR)/build/ffmpeg-$*/lib/")' && \
	$(VENV) -m pytest

sanitize: .venv/ready-for-test  ## decode mutated files with sanitizers, for FUZZ_SECONDS=120
	$(call copy_tree,build/sanitize)
	cd build/sanitize && PYFFAUDIO_SANITIZE=address,undefined \
		$(VENV) setup.py --quiet build_ext --inplace
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
	PYTHONMALLOC=malloc PYTHONPATH=build/sanitize \
		$(VENV) scripts/fuzz.py $(or $(FUZZ_SECONDS),120)

lint: .venv/ready-for-test build  ## check style, types and the Cython compiler's opinion
	$(VENV) -m ruff check
	$(VENV) -m ruff format --check
	PATH="$(CURDIR)/.venv/bin:$$PATH" cython-lint pyffaudio
	! $(VENV) -m cython -Wextra -Werror -o build/lint.c pyffaudio/_decode.pyx 2>&1 | grep .
	$(VENV) -m mypy
	$(VENV) -m mypy.stubtest pyffaudio --mypy-config-file pyproject.toml

build: .venv/built .venv/installed  ## compile the extension in place

clean:  ## remove all that make has made, .venv included
	rm -rf .venv build dist *.egg-info pyffaudio/*.c pyffaudio/*.so .*_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -r {} +

# What follows are stamps: the time when each step was last done.

.venv/ready-for-demo: scripts/setup.sh pyproject.toml
	PYTHON="$(PYTHON)" scripts/setup.sh demo
	@touch $@

.venv/ready-for-test: .venv/ready-for-demo
	PYTHON="$(PYTHON)" scripts/setup.sh test
	@touch $@

.venv/built: .venv/ready-for-demo setup.py $(CYTHON_SOURCES)
	$(VENV) setup.py --quiet build_ext --inplace
	@touch $@

.venv/installed: .venv/ready-for-demo setup.py
	$(VENV) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
