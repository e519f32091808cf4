"""What is linked and what it can read."""

from __future__ import annotations

from pyffaudio.formats import DECODERS, DEMUXERS
from pyffaudio.native import available_formats, linked_versions, loaded_from

__version__ = "0.1.0"


def versions() -> dict[str, str]:
    """Versions of pyffaudio and of the FFmpeg it uses, with licence, flags and where it lies.

    Examples
    --------
    >>> import pyffaudio
    >>> sorted(pyffaudio.versions())  # doctest: +NORMALIZE_WHITESPACE
    ['configuration', 'ffmpeg', 'libavcodec', 'libavformat', 'libavutil', 'libswresample',
     'license', 'path', 'pyffaudio']
    """
    return {"pyffaudio": __version__, **linked_versions(), "path": loaded_from()}


def formats() -> dict[str, tuple[str, ...]]:
    """Names of the demuxers and decoders that are allowed and that the linked FFmpeg has.

    Examples
    --------
    >>> import pyffaudio
    >>> "flac" in pyffaudio.formats()["decoders"]
    True
    """
    demuxers, decoders = available_formats()
    return {
        "demuxers": tuple(name for name in DEMUXERS if name in demuxers),
        "decoders": tuple(name for name in DECODERS if name in decoders),
    }
