"""Build pyffaudio._decode for the FFmpeg of PYFFAUDIO_FFMPEG, and pyffaudio._sox if asked for.

PYFFAUDIO_FFMPEG    bundled: our own build of FFmpeg, which the package then carries within it; if
                    it is not there, scripts/ffmpeg.py makes it first. sanitized: the same under
                    sanitizers. system: the one that pkg-config finds. Any other: the prefix of one
                    elsewhere, such as /opt/ffmpeg. Unset: bundled where that is built, else system.
PYFFAUDIO_SOX       yes: build pyffaudio._sox too; no: do not, as for wheels, which libsox and the
                    many libraries it needs are no part of. Unset: where pkg-config finds libsox.
PYFFAUDIO_SANITIZE  sanitizers to build in, such as address,undefined
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from glob import glob
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

BUNDLE_LICENCE = "MIT AND LGPL-2.1-or-later AND Zlib AND LicenseRef-FFTPACK"
FFMPEG = os.environ.get("PYFFAUDIO_FFMPEG") or (
    "bundled" if Path("build/bundle/made-from").exists() else "system"
)
# Where our own build is, if it is one of those.
BUNDLE = {"bundled": Path("build/bundle"), "sanitized": Path("build/sanitized")}.get(FFMPEG)
# As of FFmpeg 5.1, the first release with today's channel layouts.
LIBRARIES = {
    "libavfilter": "8.44",
    "libavformat": "59.27",
    "libavcodec": "59.37",
    "libavutil": "57.28",
    "libswresample": "4.7",
}
SOX = os.environ.get("PYFFAUDIO_SOX") or "where found"
OLDEST_SOX = "14.4.2"
PACKAGES = " ".join(["pkg-config", *(f"{name}-dev" for name in LIBRARIES)])
ADVICE = (
    f"on Debian 12, Ubuntu 24.04 or later, `apt-get install {PACKAGES}` brings it; for one that is "
    "elsewhere, set PYFFAUDIO_FFMPEG to its prefix; PYFFAUDIO_FFMPEG=bundled builds it from source"
)
SOX_ADVICE = "on Debian or Ubuntu, `apt-get install libsox-dev` brings it"
NO_COMPILER = (
    "pyffaudio needs a C compiler to build, but there is no {}; on Debian or Ubuntu, "
    "`apt-get install gcc libc6-dev python3-dev` brings one."
)
# Cython's own C leaves parameters and fields unused and casts functions: no news there.
C_FLAGS = """
    -O3 -g0 -fvisibility=hidden -Wall -Wextra
    -Wno-unused-parameter -Wno-missing-field-initializers -Wno-cast-function-type
"""
# One binary for CPython 3.11 and all later ones, except those without a global lock.
STABLE = None if sysconfig.get_config_var("Py_GIL_DISABLED") else (3, 11)
MACOS = sys.platform == "darwin"

# Where pkg-config looks for FFmpeg, beside its own environment.
FFMPEG_ONLY = {}
if not BUNDLE and FFMPEG != "system":
    # Nothing but the prefix: what is missing there must not come from the system unnoticed.
    folders = glob(f"{FFMPEG}/lib*/pkgconfig") + glob(f"{FFMPEG}/lib*/*/pkgconfig")
    FFMPEG_ONLY = {"PKG_CONFIG_PATH": "", "PKG_CONFIG_LIBDIR": ":".join(folders) or FFMPEG}


def pkg_config(*arguments: str, place: dict[str, str] = FFMPEG_ONLY) -> list[str] | None:
    """Return the words that pkg-config prints, None where its answer is no."""
    command, env = ["pkg-config", *arguments], os.environ | place
    answer = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return answer.stdout.split() if answer.returncode == 0 else None


def problem() -> str | None:
    """Return what keeps us from building against this FFmpeg, if anything does."""
    if not shutil.which("pkg-config"):
        return "there is no pkg-config to find it with"
    for name, oldest in LIBRARIES.items():
        version = pkg_config("--modversion", name)
        if version is None:
            return f"pkg-config finds no {name} ({FFMPEG})"
        if pkg_config(f"--atleast-version={oldest}", name) is None:
            return f"its {name} here is {version[0]}, older than {oldest}"
    return None


def use_bundle(ext: Extension) -> None:
    if not (BUNDLE / "made-from").exists():
        done = subprocess.run([sys.executable, "scripts/ffmpeg.py", FFMPEG], check=False)
        if done.returncode:
            sys.exit(done.returncode)  # it has said why
    ext.define_macros += [("PYFFAUDIO_BUNDLED", "1")]
    ext.include_dirs += [f"{BUNDLE}/include"]
    ext.extra_compile_args += ["-include", f"{BUNDLE}/include/private_names.h"]
    ext.library_dirs += [f"{BUNDLE}/lib"]
    ext.libraries += ["pyffaudio_ffmpeg"]
    ext.extra_link_args += [f"-Wl,-rpath,{'@loader_path' if MACOS else '$ORIGIN'}/bundle"]


def use_shared(ext: Extension) -> None:
    if found := problem():
        sys.exit(f"pyffaudio needs FFmpeg 5.1 or later to build, but {found}; {ADVICE}.")
    ext.define_macros += [("PYFFAUDIO_BUNDLED", "0")]
    ext.extra_compile_args += pkg_config("--cflags", *LIBRARIES)
    ext.extra_link_args += pkg_config("--libs", *LIBRARIES)
    if FFMPEG != "system":
        (folder,) = pkg_config("--variable=libdir", "libavformat")
        if not MACOS:
            # The older kind of rpath, because that one also serves the libraries' own dependencies.
            ext.extra_link_args += ["-Wl,--disable-new-dtags"]
        ext.extra_link_args += [f"-Wl,-rpath,{folder}"]


def has_sox() -> bool:
    """Return whether there is a libsox to build against; where it must be, say that it is not."""
    if SOX not in ("yes", "no", "where found"):
        sys.exit(f"PYFFAUDIO_SOX must be yes or no, not {SOX}.")
    recent = f"--atleast-version={OLDEST_SOX}"
    found = SOX != "no" and pkg_config(recent, "sox", place={}) is not None
    if SOX == "yes" and not found:
        sys.exit(f"PYFFAUDIO_SOX=yes needs libsox {OLDEST_SOX} or later; {SOX_ADVICE}.")
    return found


def use_sox(ext: Extension) -> None:
    ext.extra_compile_args += pkg_config("--cflags", "sox", place={})
    ext.extra_link_args += pkg_config("--libs", "sox", place={})


class BuildExtensions(build_ext):
    """Look for FFmpeg and libsox as late as this, so that an sdist can be made without them."""

    def run(self) -> None:
        self.force = True  # what lies in build/ may have been made for another FFmpeg
        if not has_sox():
            self.extensions = [ext for ext in self.extensions if ext.name != "pyffaudio._sox"]
        super().run()
        folder = Path(self.get_ext_fullpath("pyffaudio._decode")).with_name("bundle")
        shutil.rmtree(folder, ignore_errors=True)
        if BUNDLE:
            shutil.copytree(BUNDLE / "lib", folder)
            shutil.copytree(BUNDLE / "licences", folder, dirs_exist_ok=True)

    def build_extension(self, ext: Extension) -> None:
        if not shutil.which(compiler := self.compiler.compiler_so[0]):
            sys.exit(NO_COMPILER.format(compiler))
        if ext.name == "pyffaudio._sox":
            use_sox(ext)
        else:
            (use_bundle if BUNDLE else use_shared)(ext)
        if STABLE:
            ext.py_limited_api = True
            ext.define_macros += [("Py_LIMITED_API", "0x{:02x}{:02x}0000".format(*STABLE))]
        if sanitizers := os.environ.get("PYFFAUDIO_SANITIZE"):
            ext.extra_compile_args += [f"-fsanitize={sanitizers}", "-fno-omit-frame-pointer", "-g"]
            ext.extra_link_args += [f"-fsanitize={sanitizers}"]
        # As `cython -Wextra -Werror`.
        Options.warning_errors = True
        directives = {"language_level": 3, **Options.extra_warnings}
        ext.sources = cythonize(ext, compiler_directives=directives)[0].sources
        # Where this interpreter's own libraries lie is no business of the package's.
        self.compiler.linker_so = [
            word for word in self.compiler.linker_so if not word.startswith(("-L", "-Wl,-rpath"))
        ]
        super().build_extension(ext)


setup(
    # PEP 639: of the wheel's own files, the bundled library's too.
    license_expression=BUNDLE_LICENCE if BUNDLE else "MIT",
    cmdclass={"build_ext": BuildExtensions},
    options={"bdist_wheel": {"py_limited_api": "cp{}{}".format(*STABLE)}} if STABLE else {},
    ext_modules=[
        Extension(
            "pyffaudio._decode",
            sources=["pyffaudio/_decode.pyx", "pyffaudio/flac_kernel.c"],
            depends=[*glob("pyffaudio/*.pxd"), *glob("pyffaudio/*.h")],
            extra_compile_args=C_FLAGS.split(),
        ),
        Extension(
            "pyffaudio._sox",
            sources=["pyffaudio/_sox.pyx"],
            depends=[*glob("pyffaudio/sox.pxd"), *glob("pyffaudio/_sox*.pxd")],
            extra_compile_args=C_FLAGS.split(),
        ),
    ],
)
