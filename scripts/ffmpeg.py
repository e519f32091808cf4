"""Build FFmpeg from source, audio only and LGPL, from the sources that sources.toml pins.

usage: python scripts/ffmpeg.py bundled    build/bundle: the private library of our wheels
       python scripts/ffmpeg.py sanitized  build/sanitized: the same under sanitizers, to fuzz
       python scripts/ffmpeg.py oracle     build/oracle: of the same source, the programs ffmpeg
                                           and ffprobe, over usual shared libraries; never shipped
       python scripts/ffmpeg.py 7.1        build/ffmpeg-7.1: the same of another version

All need a C compiler, make and, on x86, nasm; the bundle needs cmake and patch, too. Of Python, the
standard library is enough. Run again, it builds only what other sources, flags or scripts would
change.

The bundle is all of FFmpeg, libsoxr and zlib in one library, over an allocator that keeps an
account (ffmpeg_memory.c), with bounds on tags (ffmpeg_tags.c) and one change (ffmpeg.patch). It can
live beside any other FFmpeg in the process: its public names have a prefix, so that nobody's can be
taken for ours nor ours for theirs, and all other names are local.
`include/private_names.h` has the names; whoever compiles against the bundle includes it before all
else.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import sources
from sources import ROOT, Tarball

LIBRARY = "libpyffaudio_ffmpeg" + (".dylib" if sys.platform == "darwin" else ".so")
FORMATS = str(ROOT / "pyffaudio/formats.py")
SCRIPT = Path(__file__).read_text()
FILTERS = str(ROOT / "pyffaudio/filter_rules.py")
ALLOCATOR = ROOT / "scripts/ffmpeg_memory.c"
TAGS = ROOT / "scripts/ffmpeg_tags.c"
CHANGES = ROOT / "scripts/ffmpeg.patch"
ACCOUNT = ROOT / "pyffaudio/ffmpeg_memory.h"
# What of the C library goes through that allocator.
ALLOCATING = ("malloc", "calloc", "realloc", "posix_memalign", "free")
PREFIX = "pyffaudio_"
# What tags go through that is bounded.
BOUNDED = (f"{PREFIX}av_dict_set", "uncompress")
PARTS = ("avfilter", "avformat", "avcodec", "swresample", "avutil")
PUBLIC = re.compile(r"_?((?:av|avcodec|avfilter|avformat|avio|avutil|swr|swresample)_\w+)")
X86 = platform.machine() in ("x86_64", "AMD64", "i686")

# Of either kind. Nothing depends on what else the machine has, but for its zlib, which the bundle
# has of its own.
COMMON_FLAGS = """
    --disable-autodetect --disable-network --disable-avdevice --disable-swscale --disable-debug
    --disable-doc --disable-programs --enable-zlib
"""
# The prefix is nowhere: the name of the folder that it is installed to stays out of the library.
BUNDLE_FLAGS = "--prefix=/ --extra-libs=-lm --enable-pic --disable-everything --enable-libsoxr"
# For what is only fuzzed. Assembler would read and write unseen. FFmpeg counts on two things that C
# leaves open and our compilers do not: to copy nothing from NULL (rematrix.c), and, where a
# processor can, to load words that are not aligned (bswapdsp.c).
SANITIZE = (
    "-fsanitize=address,undefined -fno-sanitize=alignment,nonnull-attribute"
    " -fno-omit-frame-pointer -g1"
)
SANITIZED_FLAGS = [
    *(f"--extra-{part}={SANITIZE}" for part in ("cflags", "ldflags")),
    *("--optflags=-O1", "--disable-asm"),
]
# What the tests ask of the command: raw samples, and the like.
PROGRAM_FLAGS = """
    --enable-rpath --enable-shared --disable-static --enable-ffmpeg --enable-ffprobe
    --disable-hwaccels --disable-decoders --disable-encoders --disable-muxers --disable-filters
    --enable-encoder=pcm* --enable-muxer=pcm*,wav,matroska,md5,null
"""


class BuildError(Exception):
    """A build failed; the message says where to look."""


class Build:
    """What is made, in which folders, the log of it, and the stamp of what it is made from.

    `made_by` are the texts of scripts and lists.
    """

    def __init__(self, name: str, tarballs: list[Tarball], made_by: list[str]) -> None:
        self.prefix = ROOT / "build" / name
        self.work = ROOT / "build" / f"{name}-work"
        self.log = ROOT / "build" / f"{name}.log"
        self.tarballs = tarballs
        self.made_by = made_by
        self.sanitize = ""  # the compiler's flags for it
        self.environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")}

    @property
    def stamp(self) -> str:
        said = [*self.made_by, platform.machine(), *platform.libc_ver()]
        said += [str(self.prefix), *(tarball.sha256 for tarball in self.tarballs)]
        return hashlib.sha256("\0".join(said).encode()).hexdigest()

    def is_done(self) -> bool:
        stamp = self.prefix / "made-from"
        return stamp.exists() and stamp.read_text() == self.stamp

    def start(self) -> None:
        names = ", ".join(f"{t.name} {t.version}" for t in self.tarballs)
        print(f"ffmpeg: building {self.prefix.name} of {names}, which takes minutes", flush=True)
        for folder in (self.prefix, self.work):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self.log.write_text("")
        for tarball in self.tarballs:
            folder = self.source(tarball.name)
            folder.mkdir()
            self.run("tar", "-xf", tarball.path, "-C", folder, "--strip-components=1")

    def finish(self) -> None:
        (self.prefix / "made-from").write_text(self.stamp)
        shutil.rmtree(self.work)

    def source(self, name: str) -> Path:
        return self.work / name

    def run(self, *command: str | Path, cwd: Path | None = None) -> None:
        with self.log.open("a") as log:
            print("$", *command, file=log, flush=True)
            done = subprocess.run(
                command, cwd=cwd or self.work, env=self.environment, stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        if done.returncode:
            tail = "".join(self.log.open(errors="replace").readlines()[-30:])
            raise BuildError(f"{tail}\n`{command[0]}` failed; {self.log} has all that was said")

    def make(self, folder: Path, *targets: str) -> None:
        self.run("make", f"-j{os.cpu_count()}", *targets, cwd=folder)


# --- Which parts of FFmpeg ------------------------------------------------------------------------


def listed_components(source: Path) -> dict[str, list[str]]:
    """The parts by kind: pyffaudio/formats.py's, and the audio filters."""
    formats = runpy.run_path(FORMATS)
    # Where configure's name differs from the one that the part itself gives.
    demuxers = {"mpeg": "mpegps"} | {name: f"pcm_{name}" for name in formats["RAW_PCM_DEMUXERS"]}
    decoders = {name: f"adpcm_{name}" for name in ("g722", "g726", "g726le")}
    return {
        "demuxer": [demuxers.get(name, name) for name in formats["DEMUXERS"]],
        "decoder": [decoders.get(name, name) for name in formats["DECODERS"]],
        "parser": list(formats["PARSERS"]),
        "filter": audio_filters(source),
    }


def audio_filters(source: Path) -> list[str]:
    """All audio filters, less those that pyffaudio/filter_rules.py refuses."""
    text = (source / "libavfilter/allfilters.c").read_text()
    found = re.findall(r"ff_(?:af|asrc|asink)_(\w+);", text)
    return [name for name in found if name not in refused_filters()]


def refused_filters() -> list[str]:
    return sorted(runpy.run_path(FILTERS)["REFUSED_FILTERS"])


def audio_decoders(source: Path) -> list[str]:
    """All audio decoders of FFmpeg's own, for the command of the tests."""
    text = (source / "libavcodec/allcodecs.c").read_text()
    audio = text.partition("/* audio codecs")[2].partition("/* subtitles")[0]
    names = re.findall(r"^extern const FFCodec ff_(\w+)_decoder;", audio, re.MULTILINE)
    if not names:
        raise BuildError("this FFmpeg lists its audio decoders elsewhere than expected")
    return [*names, "speex"]  # which stands among the decoders of pictures


def check_components(source: Path, components: dict[str, list[str]]) -> None:
    """Configure only warns of a part that it does not know or that lacks something."""
    text = (source / "config_components.h").read_text()
    enabled = set(re.findall(r"^#define CONFIG_(\w+) 1$", text, re.MULTILINE))
    wanted = {f"{name}_{kind}".upper() for kind, names in components.items() for name in names}
    if missing := wanted - enabled:
        raise BuildError(f"FFmpeg was configured without {', '.join(sorted(missing))}")


# --- The two kinds --------------------------------------------------------------------------------


def build_programs(name: str, pin: sources.Pin) -> None:
    build = Build(name, [sources.fetch(pin)], [SCRIPT, *refused_filters()])
    if build.is_done():
        return
    build.start()
    source = build.source(pin.name)
    decoders = ",".join(audio_decoders(source))
    flags = [f"--prefix={build.prefix}", *COMMON_FLAGS.split(), *PROGRAM_FLAGS.split()]
    # The last two are those that the command itself puts at the ends of a graph.
    filters = ",".join([*audio_filters(source), "abuffer", "abuffersink"])
    chosen = [f"--enable-decoder={decoders}", f"--enable-filter={filters}"]
    build.run("./configure", *flags, *chosen, cwd=source)
    build.make(source, "all", "install")
    build.finish()


def build_bundle(pins: dict[str, sources.Pin], name: str) -> None:
    tarballs = [sources.fetch(pins[name]) for name in ("ffmpeg", "soxr", "zlib")]
    ours = (FORMATS, ALLOCATOR, TAGS, ACCOUNT, CHANGES)
    texts = [SCRIPT, *(Path(path).read_text() for path in ours)]
    build = Build(name, tarballs, [*texts, *refused_filters()])
    if build.is_done():
        return
    build.start()
    staged = build.work / "staged"
    build.sanitize = SANITIZE if name == "sanitized" else ""
    build_zlib(build, staged)
    build_soxr(build, staged)
    flags = build_static(build, staged)
    shutil.copytree(staged / "include", build.prefix / "include")
    library = build.prefix / "lib" / LIBRARY
    library.parent.mkdir()
    link = link_macos if sys.platform == "darwin" else link_elf
    link(build, staged, library)
    write_licences(build, flags)
    build.finish()


def build_zlib(build: Build, staged: Path) -> None:
    source = build.source("zlib")
    build.environment["CFLAGS"] = f"-O2 -fPIC {build.sanitize}"
    build.run("./configure", "--static", f"--prefix={staged}", cwd=source)
    build.make(source, "install")
    del build.environment["CFLAGS"]


def build_soxr(build: Build, staged: Path) -> None:
    settings = {
        "CMAKE_INSTALL_PREFIX": staged,
        "CMAKE_INSTALL_LIBDIR": "lib",
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_C_FLAGS": build.sanitize,
        "CMAKE_POSITION_INDEPENDENT_CODE": "ON",
        "CMAKE_POLICY_VERSION_MINIMUM": "3.5",  # which cmake 4 wants to be told
        "BUILD_SHARED_LIBS": "OFF",
        "BUILD_TESTS": "OFF",
        "BUILD_EXAMPLES": "OFF",
        "WITH_LSR_BINDINGS": "OFF",
        "WITH_OPENMP": "OFF",
    }
    if not X86:  # its other vector code does not compile everywhere
        settings |= {"WITH_CR32S": "OFF", "WITH_CR64S": "OFF"}
    arguments = [f"-D{name}={value}" for name, value in settings.items()]
    source = build.source("soxr")
    build.run("cmake", "-S", source, "-B", source / "made", *arguments)
    build.make(source / "made", "install")


def build_static(build: Build, staged: Path) -> list[str]:
    """Build FFmpeg as static libraries; return the flags that it was configured with."""
    source = build.source("ffmpeg")
    components = listed_components(source)
    chosen = [f"--enable-{kind}={','.join(names)}" for kind, names in components.items()]
    flags = [*BUNDLE_FLAGS.split(), *COMMON_FLAGS.split(), *chosen]
    flags += SANITIZED_FLAGS if build.sanitize else []
    # By the environment, since the flags become part of the library.
    build.environment |= {"CPATH": f"{staged}/include", "LIBRARY_PATH": f"{staged}/lib"}
    build.run("patch", "--strip=1", "--input", CHANGES, cwd=source)
    build.run("./configure", *flags, cwd=source)
    check_components(source, components)
    build.make(source)
    build.run("make", "install", f"DESTDIR={staged}", cwd=source)
    return flags


def archives(staged: Path, names: tuple[str, ...]) -> list[str]:
    return [str(staged / f"lib/lib{name}.a") for name in names]


def public_names(staged: Path) -> list[str]:
    """FFmpeg's public functions: those that a header declares, and does not make a macro."""
    headers = "".join(path.read_text() for path in (staged / "include").glob("*/*.h"))
    command = ["nm", "-g", *archives(staged, PARTS)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    defined = {m[1] for m in re.finditer(rf"^\S+ [TDRB] {PUBLIC.pattern}$", answer, re.MULTILINE)}
    macros = set(re.findall(r"# *ifndef +(\w+)", headers))
    return sorted(defined & set(re.findall(r"\w+", headers)) - macros)


def link_elf(build: Build, staged: Path, library: Path) -> None:
    names = public_names(staged)
    mapping, script = build.work / "names.map", build.work / "names.version"
    mapping.write_text("".join(f"{name} {PREFIX}{name}\n" for name in names))
    script.write_text(f"{{ global: {PREFIX}*; local: *; }};\n")
    header = "".join(f"#define {name} {PREFIX}{name}\n" for name in names)
    (build.prefix / "include/private_names.h").write_text(header)
    for archive in archives(staged, PARTS):
        build.run("objcopy", f"--redefine-syms={mapping}", archive)
    # The reports of sanitizers name functions by the symbols.
    kind = build.sanitize.split() or ["-Wl,--strip-all"]
    build.run(
        "cc", "-O2", "-fPIC", "-Wall", "-Wextra", "-Werror", "-I", ACCOUNT.parent,
        "-I", staged / "include", "-include", build.prefix / "include/private_names.h",
        ALLOCATOR, TAGS, *(f"-Wl,--wrap={name}" for name in (*ALLOCATING, *BOUNDED)), *kind,
        "-shared", "-o", library, f"-Wl,-soname,{LIBRARY},--version-script={script}",
        "-Wl,-Bsymbolic,--gc-sections,-z,relro,-z,now,-z,noexecstack",
        "-Wl,--whole-archive", *archives(staged, PARTS), "-Wl,--no-whole-archive",
        *archives(staged, ("soxr", "z")), "-lm", "-pthread",
    )  # fmt: skip


def link_macos(build: Build, staged: Path, library: Path) -> None:
    """There a name is looked up in the library that had it at link time: no prefix is needed."""
    exported = build.work / "names.exported"
    exported.write_text("".join(f"_{name}\n" for name in public_names(staged)))
    (build.prefix / "include/private_names.h").write_text("")
    loaded = [f"-Wl,-force_load,{archive}" for archive in archives(staged, PARTS)]
    build.run(
        "cc", "-dynamiclib", "-o", library, "-install_name", f"@rpath/{LIBRARY}",
        f"-Wl,-exported_symbols_list,{exported}", "-Wl,-dead_strip,-x", *loaded,
        *archives(staged, ("soxr", "z")), "-lm",
    )  # fmt: skip


# --- What the LGPL asks for -----------------------------------------------------------------------

LICENCES = {
    "ffmpeg": ("COPYING.LGPLv2.1", "LICENSE.md"),
    "soxr": ("COPYING.LGPL", "LICENCE"),
    "zlib": ("LICENSE",),
}
# The transform that libsoxr has in this file is under a licence that stands in its first comments.
EMBEDDED = "src/pffft.c"
OFFER = """\
# The source of {library}

This library holds

{parts}

unchanged but for what `ffmpeg.patch`, in this folder, changes in FFmpeg; and two small files of
pyffaudio's own: one keeps an account of the memory that they take, the other bounds the number of
tags and what they may unpack to.

FFmpeg and libsoxr are under the GNU Lesser General Public License, version 2.1 or later; libsoxr
holds PFFFT, which is under the FFTPACK licence; zlib is under the zlib License. Their texts are in
this folder. pyffaudio itself, these two included, is under the MIT License.

FFmpeg was configured by

    ./configure {flags}

and all three were built and linked by `scripts/ffmpeg.py bundled` of pyffaudio's source
distribution of the same version as this package, the file `pyffaudio-VERSION.tar.gz` beside it
wherever it is published. That script, with the tarballs above, makes this library again, and makes
one of a changed source as well: put it in the place of this one, and pyffaudio uses it.

Whoever received this library can have that source from the developers of pyffaudio, by asking where
pyffaudio is published, for no more than the cost of sending it, for at least three years from the
time they received it.
"""


def write_licences(build: Build, flags: list[str]) -> None:
    folder = build.prefix / "licences"
    folder.mkdir()
    for name, files in LICENCES.items():
        for file in files:
            shutil.copy(build.source(name) / file, folder / f"{name}-{file}")
    comments = (build.source("soxr") / EMBEDDED).read_text().partition("ChangeLog")[0]
    (folder / "soxr-pffft").write_text(comments.rpartition("/*")[0])
    parts = [
        f"- {it.name} {it.version}, from {it.origin},\n  SHA-256 `{it.sha256}`"
        for it in build.tarballs
    ]
    offer = OFFER.format(library=LIBRARY, parts="\n".join(parts), flags=" ".join(flags))
    (folder / "SOURCE.md").write_text(offer)
    shutil.copy(CHANGES, folder)


def main(arguments: list[str]) -> None:
    pins = sources.read_pins()
    others = {name.removeprefix("ffmpeg-"): pin for name, pin in pins.items() if "ffmpeg-" in name}
    needed = [
        "make",
        "cc",
        *["nasm"] * X86,
        *["cmake", "patch"] * bool({"bundled", "sanitized"} & {*arguments}),
    ]
    if missing := [program for program in needed if not shutil.which(program)]:
        raise BuildError(f"building FFmpeg needs {' and '.join(missing)}, which is not here")
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build/ffmpeg.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at a time would delete each other's work
        build_named(arguments, pins, others)


def build_named(
    arguments: list[str], pins: dict[str, sources.Pin], others: dict[str, sources.Pin]
) -> None:
    match arguments:
        case ["bundled"]:
            build_bundle(pins, "bundle")
        case ["sanitized"]:
            build_bundle(pins, "sanitized")
        case ["oracle"]:
            build_programs("oracle", pins["ffmpeg"])
        case [series] if series in others:
            build_programs(f"ffmpeg-{series}", others[series])
        case _:
            sys.exit(f"usage: ffmpeg.py bundled | sanitized | oracle | {' | '.join(others)}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (BuildError, sources.SourceError) as error:
        sys.exit(f"ffmpeg: {error}")
