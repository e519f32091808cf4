"""Build pyffaudio._decode, the one extension, against the FFmpeg that pkg-config finds.

PYFFAUDIO_FFMPEG    the prefix of another FFmpeg, such as /opt/ffmpeg; "system" is the same as unset
PYFFAUDIO_SANITIZE  sanitizers to build in, such as address,undefined
"""

import os
import shutil
import subprocess
import sys
from glob import glob

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# As of FFmpeg 5.1, the first release with today's channel layouts.
LIBRARIES = {
    "libavformat": "59.27",
    "libavcodec": "59.37",
    "libavutil": "57.28",
    "libswresample": "4.7",
}
PACKAGES = " ".join(["pkg-config", *(f"{name}-dev" for name in LIBRARIES)])
ADVICE = (
    f"on Debian 12, Ubuntu 24.04 or later, `apt-get install {PACKAGES}` brings it; "
    "for one that is elsewhere, set PYFFAUDIO_FFMPEG to its prefix"
)
# Cython's own C leaves parameters and fields unused and casts functions: no news there.
C_FLAGS = """
    -O2 -fvisibility=hidden -Wall -Wextra
    -Wno-unused-parameter -Wno-missing-field-initializers -Wno-cast-function-type
"""

PREFIX = os.environ.get("PYFFAUDIO_FFMPEG", "system")
SEARCH = dict(os.environ)
if PREFIX != "system":
    # Nothing but the prefix: what is missing there must not come from the system unnoticed.
    folders = glob(f"{PREFIX}/lib*/pkgconfig") + glob(f"{PREFIX}/lib*/*/pkgconfig")
    SEARCH |= {"PKG_CONFIG_PATH": "", "PKG_CONFIG_LIBDIR": ":".join(folders) or PREFIX}


def pkg_config(*arguments: str) -> list[str] | None:
    """Return the words that pkg-config prints, None where its answer is no."""
    command = ["pkg-config", *arguments]
    answer = subprocess.run(command, env=SEARCH, capture_output=True, text=True, check=False)
    return answer.stdout.split() if answer.returncode == 0 else None


def problem() -> str | None:
    """Return what keeps us from building against this FFmpeg, if anything does."""
    if not shutil.which("pkg-config"):
        return "there is no pkg-config to find it with"
    for name, oldest in LIBRARIES.items():
        version = pkg_config("--modversion", name)
        if version is None:
            return f"pkg-config finds no {name} ({PREFIX})"
        if pkg_config(f"--atleast-version={oldest}", name) is None:
            return f"its {name} here is {version[0]}, older than {oldest}"
    return None


class BuildDecoder(build_ext):
    """Look for FFmpeg as late as this, so that an sdist can be made without it."""

    def build_extension(self, ext: Extension) -> None:
        if found := problem():
            sys.exit(f"pyffaudio needs FFmpeg 5.1 or later to build, but {found}; {ADVICE}.")
        ext.extra_compile_args += pkg_config("--cflags", *LIBRARIES)
        ext.extra_link_args += pkg_config("--libs", *LIBRARIES)
        if PREFIX != "system":
            (folder,) = pkg_config("--variable=libdir", "libavformat")
            # The older kind of rpath, because that one also serves the libraries' own dependencies.
            ext.extra_link_args += ["-Wl,--disable-new-dtags", f"-Wl,-rpath,{folder}"]
        if sanitizers := os.environ.get("PYFFAUDIO_SANITIZE"):
            ext.extra_compile_args += [f"-fsanitize={sanitizers}", "-fno-omit-frame-pointer", "-g"]
            ext.extra_link_args += [f"-fsanitize={sanitizers}"]
        # As `cython -Wextra -Werror`.
        Options.warning_errors = True
        directives = {"language_level": 3, **Options.extra_warnings}
        ext.sources = cythonize(ext, compiler_directives=directives)[0].sources
        super().build_extension(ext)


setup(
    cmdclass={"build_ext": BuildDecoder},
    ext_modules=[
        Extension(
            "pyffaudio._decode",
            sources=["pyffaudio/_decode.pyx"],
            depends=glob("pyffaudio/*.pxd"),
            extra_compile_args=C_FLAGS.split(),
        )
    ],
)
