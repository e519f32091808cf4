# `make demo` and `make test` do all the set-up themselves; run again, they redo only what changed.
#
#   PYTHON=python3.13         the interpreter to make .venv with
#   PYFFAUDIO_FFMPEG=bundled  the FFmpeg to build against: bundled, system or a prefix (see setup.py);
#                             the default is the bundled one where `make bundle` has built it
#   PYFFAUDIO_SOURCES=folder  where the tarballs are that scripts/sources.toml pins

PYTHON ?= python3
VENV := .venv/bin/python
CYTHON_SOURCES := $(wildcard pyffaudio/*.pyx pyffaudio/*.pxd pyffaudio/flac_*.[ch])
SOURCES := pyffaudio tests scripts benchmarks docs setup.py pyproject.toml LICENSE $(wildcard *.md)
BUILT := $(wildcard build/bundle/made-from)$(filter bundle ffmpeg-bundled bench fuzz test-peers-table,$(MAKECMDGOALS))
FFMPEG := $(or $(PYFFAUDIO_FFMPEG),$(if $(BUILT),bundled,system))
BENCHMARKS := clips plot plain_copies resampling quality memory instructions batches ray_data
MATRIX := system 7.1 bundled
# What stands above the core is the same over any FFmpeg, and is tested with one.
ONCE := convert datasets notebook plot remote remote_s3 scan scan_resumed
# `make test` has run the tests against this one already.
TESTED := $(if $(filter test test-all,$(MAKECMDGOALS)),$(FFMPEG))

# Each file of tests is one process's: what it has made for them is made once.
export PYTEST_ADDOPTS := --numprocesses auto --maxprocesses 4 --dist loadfile

# A copy of the tree, with the same .venv, to build the extensions there in another way.
define copy_tree
rm -rf $(1) && mkdir -p $(1)/build
cp -r $(SOURCES) $(1) && ln -s $(CURDIR)/.venv $(1)
ln -s $(CURDIR)/build/bundle $(CURDIR)/build/oracle $(1)/build
rm -rf $(1)/pyffaudio/*.so $(1)/pyffaudio/_decode.c $(1)/pyffaudio/_sox.c $(1)/pyffaudio/bundle
endef

FUZZ_ASKED := --seed $(or $(FUZZ_SEED),0) --first $(or $(FUZZ_FIRST),0) $(if $(FUZZ_REPORT),--report $(FUZZ_REPORT))
# Python itself loses memory only where it ends.
SANITIZERS = LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=allocator_may_return_null=1:leak_check_at_exit=0 \
	LSAN_OPTIONS=suppressions=scripts/lsan.supp:print_suppressions=0 \
	UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc

.NOTPARALLEL:
.PHONY: help demo test test-all matrix $(MATRIX:%=matrix-%) fuzz sanitize fuzz-sanitized fuzz-flac \
	fuzz-filters soak wheel \
	test-browser test-wheel test-peers-table test-ray test-free-threaded docs bundle bench newer lint \
	build clean FORCE

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 20

demo: build  ## decode real recordings, or FILE=my.mp3, and say what was found and how fast
	@$(VENV) scripts/demo.py $(if $(FILE),"$(FILE)")

test: lint $(if $(filter bundled,$(FFMPEG)),ffmpeg-oracle)  ## run all checks, then the tests
	$(VENV) -m pytest

test-all: test docs test-browser test-ray matrix test-peers-table sanitize test-wheel test-free-threaded newer  ## run everything there is

matrix: $(MATRIX:%=matrix-%)  ## run the tests against each FFmpeg of MATRIX, and compare what it gives
	$(VENV) tests/results.py --compare $(MATRIX:%=build/matrix-%/build/results.json)

matrix-bundled: ffmpeg-oracle
$(MATRIX:%=matrix-%): matrix-%: .venv/ready-for-test ffmpeg-%
	$(call copy_tree,build/$@)
	cd build/$@ && export PYTHONPATH=$(CURDIR)/build/$@ PYFFAUDIO_SOX=yes && \
	export PYFFAUDIO_FFMPEG=$(if $(filter 7.1,$*),$(CURDIR)/build/ffmpeg-7.1,$*) && \
	$(VENV) setup.py --quiet build_ext --inplace && \
	$(if $(filter $*,$(TESTED)),,$(VENV) -m pytest $(ONCE:%=--ignore=tests/test_%.py) &&) \
	$(VENV) tests/results.py build/results.json

fuzz: build  ## decode FUZZ_INPUTS=1000000 mutated files, from number FUZZ_FIRST=0; FUZZ_REPORT=docs/safety/fuzz.md
	$(VENV) scripts/fuzz.py $(or $(FUZZ_INPUTS),1000000) $(FUZZ_ASKED)

# Of the planted bugs, the leak is known by posix_memalign, which only FFmpeg calls.
sanitize: .venv/ready-for-test fuzz-flac fuzz-filters  ## decode FUZZ_INPUTS=5000 mutated files with sanitizers
	$(call copy_tree,build/sanitize)
	cd build/sanitize && PYFFAUDIO_SOX=no PYFFAUDIO_SANITIZE=address,undefined \
		$(VENV) setup.py --quiet build_ext --inplace
	$(SANITIZERS) PYTHONPATH=build/sanitize PYTEST_ADDOPTS= \
		$(VENV) -m pytest -q -p no:cacheprovider build/sanitize/tests/test_file_objects.py
	FUZZ_SANITIZED=extension $(SANITIZERS) PYTHONPATH=build/sanitize \
		$(VENV) scripts/fuzz.py $(or $(FUZZ_INPUTS),5000) $(FUZZ_ASKED)
	scripts/plant_bugs.sh build/sanitize
	! FUZZ_SANITIZED=extension $(SANITIZERS) PYTHONPATH=build/sanitize \
		$(VENV) scripts/fuzz.py 300 >build/fuzz/planted
	grep -q heap-buffer-overflow build/fuzz/planted
	grep -h -A 1 'Direct leak' build/fuzz/stderr-* | grep -q posix_memalign

fuzz-sanitized: .venv/ready-for-test ffmpeg-sanitized  ## decode FUZZ_INPUTS=250000 mutated files, FFmpeg under sanitizers too
	$(call copy_tree,build/fuzz-sanitized)
	ln -s $(CURDIR)/build/sanitized build/fuzz-sanitized/build
	cd build/fuzz-sanitized && PYFFAUDIO_SOX=no PYFFAUDIO_FFMPEG=sanitized \
		PYFFAUDIO_SANITIZE=address,undefined $(VENV) setup.py --quiet build_ext --inplace
	FUZZ_SANITIZED=all $(SANITIZERS) PYTHONPATH=build/fuzz-sanitized \
		$(VENV) scripts/fuzz.py $(or $(FUZZ_INPUTS),250000) $(FUZZ_ASKED)

soak: .venv/ready-for-test build  ## measure hostile files, interruptions, forks and 100,000 decodes; SOAK=--report keeps it
	$(VENV) scripts/soak.py $(SOAK)

fuzz-flac: .venv/ready-for-test ffmpeg-bundled  ## compare FUZZ_FRAMES=1000000 mutated frames of FLAC with FFmpeg's, with sanitizers
	mkdir -p build/fuzz
	$(VENV) scripts/fuzz_flac.py build/fuzz/flac_seeds
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
		-fno-sanitize-recover=all -include build/bundle/include/private_names.h \
		-Ibuild/bundle/include -Ipyffaudio -o build/fuzz/fuzz_flac scripts/fuzz_flac.c \
		pyffaudio/flac_kernel.c -Lbuild/bundle/lib -lpyffaudio_ffmpeg
	LD_LIBRARY_PATH=build/bundle/lib ASAN_OPTIONS=detect_leaks=0 \
		build/fuzz/fuzz_flac build/fuzz/flac_seeds $(or $(FUZZ_FRAMES),1000000) $(or $(FUZZ_SEED),0)

fuzz-filters: build  ## filter with random options, with a checking allocator, for FUZZ_SECONDS=60
	$(VENV) scripts/fuzz_filters.py $(or $(FUZZ_SECONDS),60) $(or $(FUZZ_SEED),0)

wheel: .venv/ready-for-test ffmpeg-bundled  ## put the wheel, with FFmpeg in it, and the sdist into dist
	rm -rf build/dist build/lib.* dist/*-abi3-*.whl dist/*.tar.gz
	PYFFAUDIO_FFMPEG=bundled PYFFAUDIO_SOX=no $(VENV) -m build --wheel --no-isolation --outdir build/dist .
	PATH="$(CURDIR)/.venv/bin:$$PATH" auditwheel repair --wheel-dir dist build/dist/*.whl
	PYFFAUDIO_FFMPEG=system $(VENV) -m build --sdist --no-isolation --outdir dist .
	@ls -lh dist

test-wheel: export PYTEST_ADDOPTS :=
test-wheel: wheel ffmpeg-oracle  ## install that wheel where there is nothing else, and beside other FFmpegs
	scripts/test_wheel.sh

# The page is about the bundled FFmpeg, which in `make test-all` may be only in the matrix.
test-peers-table: $(if $(filter bundled,$(FFMPEG)),build,matrix-bundled) build/bench/ready  ## compare docs/coming_from.md with what other libraries give
	PYTHONPATH=$(CURDIR)$(if $(filter bundled,$(FFMPEG)),,/build/matrix-bundled) build/bench/.venv/bin/python tests/coming_from.py

test-browser: export PYTEST_ADDOPTS :=
test-browser: .venv/ready-for-browser build  ## run a notebook, and look at it in a browser without a screen
	$(VENV) -m pytest tests/browser

test-ray: export PYTEST_ADDOPTS :=
test-ray: .venv/ready-for-ray build  ## test Ray Data on a Ray of two cores
	PYTHONPATH=$(CURDIR) $(VENV) -m pytest tests/ray

test-free-threaded: .venv/ready-for-test ffmpeg-bundled ffmpeg-oracle  ## build a CPython without a global lock, a wheel for it, and test that
	$(call copy_tree,build/free-threaded)
	ONCE="$(ONCE)" scripts/test_free_threaded.sh

docs: .venv/ready-for-test build  ## make the site of docs in build/docs, and fail at every warning
	$(VENV) -m sphinx --fresh-env --fail-on-warning --nitpicky --quiet -c docs -d build/docs-work . build/docs

bundle: ffmpeg-bundled  ## build the FFmpeg that wheels carry; from then on, all is built against it

bench: build build/bench/ready build/bench/plain_loop.so  ## measure BENCH="clips memory", or all, beside other libraries; write docs/performance
	set -e; for each in $(or $(BENCH),$(BENCHMARKS)); do \
		PYTHONPATH=$(CURDIR) build/bench/.venv/bin/python benchmarks/$$each.py; \
	done

newer:  ## warn where what we build from source has a newer point release
	$(PYTHON) scripts/sources.py --newer

lint: .venv/ready-for-test build  ## check style, types and the Cython compiler's opinion
	$(VENV) -m ruff check
	$(VENV) -m ruff format --check
	PATH="$(CURDIR)/.venv/bin:$$PATH" cython-lint pyffaudio
	for each in _decode _sox; do \
		! $(VENV) -m cython -Wextra -Werror -o build/lint.c pyffaudio/$$each.pyx 2>&1 | grep . \
			|| exit 1; \
	done
	$(VENV) -m mypy
	$(VENV) -m mypy.stubtest pyffaudio --mypy-config-file pyproject.toml

build: $(if $(filter bundled,$(FFMPEG)),ffmpeg-bundled) .venv/built .venv/installed  ## compile the extensions in place

clean:  ## remove all that make has made, .venv included
	rm -rf .venv build dist *.egg-info pyffaudio/_decode.c pyffaudio/_sox.c pyffaudio/*.so pyffaudio/bundle \
		.*_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -r {} +

# An FFmpeg by name; scripts/ffmpeg.py itself knows when there is nothing to do.
ffmpeg-system: ;
ffmpeg-%: build/ready-for-ffmpeg FORCE
	$(PYTHON) scripts/ffmpeg.py $*

# What follows are stamps: the time when each step was last done.

build/ready-for-ffmpeg: scripts/setup.sh
	PYTHON="$(PYTHON)" scripts/setup.sh ffmpeg
	@mkdir -p build && touch $@

.venv/ready-for-demo: scripts/setup.sh pyproject.toml
	PYTHON="$(PYTHON)" scripts/setup.sh demo
	@touch $@

.venv/ready-for-test: .venv/ready-for-demo
	PYTHON="$(PYTHON)" scripts/setup.sh test
	@touch $@

.venv/ready-for-browser: .venv/ready-for-test
	PYTHON="$(PYTHON)" scripts/setup.sh browser
	@touch $@

.venv/ready-for-ray: .venv/ready-for-test
	PYTHON="$(PYTHON)" scripts/setup.sh ray
	@touch $@

.venv/built: .venv/ready-for-demo setup.py $(CYTHON_SOURCES) .venv/ffmpeg
	rm -f pyffaudio/*.so
	PYFFAUDIO_FFMPEG=$(FFMPEG) PYFFAUDIO_SOX=yes $(VENV) setup.py --quiet build_ext --inplace
	@touch $@

.venv/installed: .venv/ready-for-demo setup.py
	PYFFAUDIO_FFMPEG=$(FFMPEG) $(VENV) -m pip install --quiet --no-deps --no-build-isolation \
		--editable .
	@touch $@

# Other libraries, in an environment of their own; pyffaudio is found there by PYTHONPATH.
build/bench/ready: .venv/ready-for-demo benchmarks/requirements.txt
	PYTHON="$(PYTHON)" scripts/setup.sh bench
	@touch $@

# The reference that shares the bundled library with the package.
build/bench/plain_loop.so: benchmarks/plain_loop.c .venv/built
	@mkdir -p build/bench
	gcc -O2 -Wall -Wextra -shared -fPIC -Ibuild/bundle/include \
		-include build/bundle/include/private_names.h -o $@ $< \
		-Lpyffaudio/bundle -lpyffaudio_ffmpeg '-Wl,-rpath,$$ORIGIN/../../pyffaudio/bundle'

# Which FFmpeg this is about; its time changes only with that.
.venv/ffmpeg: .venv/ready-for-demo FORCE
	@mkdir -p build
	@echo "$(FFMPEG) $$(cat build/bundle/made-from 2>/dev/null)" >build/ffmpeg-now
	@cmp -s build/ffmpeg-now $@ || cp build/ffmpeg-now $@
