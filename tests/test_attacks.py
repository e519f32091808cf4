"""Promise: no file is opened but the one that was given, and no socket, by whatever system call."""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import attacks
import pyffaudio
from attacks import listening
from media import Media

HERE = Path(__file__).parent
# All by which a process may come to a file, a socket, or another program.
WATCHED = "open,openat,openat2,creat,socket,connect,io_uring_setup,execve,memfd_create,fork,vfork"


def traced(folder: Path, *command: object) -> list[str]:
    """The calls of WATCHED that a program made between its lines "begin" and "end"."""
    log = folder.with_suffix(".strace")
    traces = ["strace", "-f", "-qq", "-s", "4096", "-o", log, "-e", f"trace={WATCHED},write"]
    done = subprocess.run(
        [*map(str, traces), sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = log.read_text(errors="replace").splitlines()
    begin = next(at for at, line in enumerate(lines) if 'write(1, "begin' in line)
    end = next(at for at, line in enumerate(lines) if 'write(1, "end' in line)
    return [line for line in lines[begin + 1 : end] if " write(" not in line]


def test_nothing_but_the_input_is_opened(tmp_path: Path, media: Media) -> None:
    """Each attack as a path, bytes and a file object; a name that says something is only a name."""
    folder = tmp_path / "attacks"
    folder.mkdir()
    with listening() as port:
        attacks.make(folder, media, port)
        calls = traced(folder, HERE / "attacks.py", folder)
        names = (folder / "names").read_text().splitlines()
    given = {str(path) for path in folder.iterdir()} - {str(folder / "canary.wav")} | {*names}
    opened = []
    for call in calls:
        found = re.search(r'openat\(AT_FDCWD, "(.*?)", [A-Z_|]*O_RDONLY', call)
        assert found, call
        opened.append(found[1])
    assert set(opened) <= given
    assert len(opened) > len(attacks.TARGETS) * len(attacks.PLAYLISTS)


def test_what_is_opened_is_seen(tmp_path: Path) -> None:
    """The control."""
    code = (
        "import os, socket\n"
        "os.write(1, b'begin\\n')\n"
        f"open({str(HERE / 'attacks.py')!r})\n"
        "socket.socket()\n"
        "os.write(1, b'end\\n')\n"
    )
    opened, connected = traced(tmp_path / "control", "-c", code)
    assert "attacks.py" in opened
    assert " socket(AF_INET" in connected


# Of a film, and of a song with a cover, only the audio is decoded. The bundled FFmpeg has no other
# decoder; with another, each that is opened is written down by what stands before its function.

AUDIO = 1  # AVMEDIA_TYPE_AUDIO
WITNESS = r"""
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
/* The start of AVCodec and of AVCodecContext, in every version. */
typedef struct { const char *name, *long_name; int type; } Codec;
typedef struct { const void *av_class; int log_level_offset, type; const Codec *codec; } Context;
int avcodec_open2(Context *context, const Codec *codec, void **options) {
    int (*next)(Context *, const Codec *, void **) =
        dlsym(dlopen(getenv("LIBAVCODEC"), RTLD_NOW), "avcodec_open2");
    FILE *log = fopen(getenv("OPENED_DECODERS"), "a");
    const Codec *named = codec ? codec : context->codec;
    fprintf(log, "%d %s\n", named ? named->type : -1, named ? named->name : "?");
    fclose(log);
    return next(context, codec, options);
}
"""


class Codec(ctypes.Structure):
    """The start of an AVCodec."""

    _fields_ = [("name", ctypes.c_char_p), ("long_name", ctypes.c_char_p), ("type", ctypes.c_int)]


def test_only_audio_is_decoded(tmp_path: Path, media: Media) -> None:
    path = pyffaudio.versions()["path"]
    paths = [media[name] for name in ("mp4_film", "mkv_film", "tagged", "silent_film")]
    if "libpyffaudio_ffmpeg" in path:
        iterate = ctypes.CDLL(path).pyffaudio_av_codec_iterate
        iterate.restype = ctypes.POINTER(Codec)
        place = ctypes.c_void_p()
        kinds = []
        while codec := iterate(ctypes.byref(place)):
            kinds.append(codec.contents.type)
        assert kinds
        assert {*kinds} == {AUDIO}
    else:
        opened = decoders_opened(tmp_path, paths)
        assert opened
        assert {kind for kind, _ in opened} == {str(AUDIO)}, opened


def decoders_opened(folder: Path, paths: list[Path]) -> list[tuple[str, str]]:
    """Kind and name of each decoder that FFmpeg opened for these files."""
    (folder / "witness.c").write_text(WITNESS)
    witness = str(folder / "witness.so")
    command = ["gcc", "-shared", "-fPIC", str(folder / "witness.c"), "-o", witness, "-ldl"]
    subprocess.run(command, check=True)
    code = (
        "import sys, contextlib, pyffaudio\n"
        "for path in sys.argv[1:]:\n"
        "    for call in (pyffaudio.decode_file, pyffaudio.probe, pyffaudio.AudioReader):\n"
        "        with contextlib.suppress(pyffaudio.PyffaudioError): call(path)\n"
    )
    log = folder / "opened"
    libavcodec = re.findall(r"[^ ,]*libavcodec[^ ,]*", pyffaudio.versions()["path"])[0]
    env = {"LD_PRELOAD": witness, "OPENED_DECODERS": str(log), "LIBAVCODEC": libavcodec}
    subprocess.run([sys.executable, "-c", code, *paths], env={**os.environ, **env}, check=True)
    return [(line.split()[0], line.split()[1]) for line in log.read_text().splitlines()]


# A shared FFmpeg is left as it is.


def test_no_setting_of_the_process_is_touched(tmp_path: Path, media: Media) -> None:
    """The level of av_log, and what one allocation may take, of an FFmpeg that others share."""
    libavutil = re.search(r"[^ ,]*libavutil[^ ,]*", pyffaudio.versions()["path"])
    if libavutil is None:
        # The bundled one is nobody else's; that of the system is not even loaded.
        assert "libavutil" not in Path("/proc/self/maps").read_text()
        return
    code = (
        "import ctypes, re, sys\n"
        "util = ctypes.CDLL(sys.argv[1])\n"
        "util.av_log_set_level(37)\n"
        "util.av_max_alloc(ctypes.c_size_t(123 << 20))\n"
        "util.av_malloc.restype = ctypes.c_void_p\n"
        "import pyffaudio\n"
        "pyffaudio.decode_file(sys.argv[2], sample_rate=8000)\n"
        "list(pyffaudio.decode_many([sys.argv[2]] * 3, filters='highpass'))\n"
        "assert util.av_log_get_level() == 37\n"
        "assert util.av_malloc(ctypes.c_size_t((123 << 20) - 100))\n"
        "assert not util.av_malloc(ctypes.c_size_t((123 << 20) + 100))\n"
    )
    command = [sys.executable, "-c", code, libavutil[0], str(media["mp3"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
