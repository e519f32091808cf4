"""What is linked and what it can read."""

from __future__ import annotations

from pyffaudio.formats import DECODERS, DEMUXERS
from pyffaudio.native import allowed_filters, available_formats, linked_versions, loaded_from

__version__ = "0.1.0"


def versions() -> dict[str, str]:
    """Versions of pyffaudio and of the FFmpeg it uses, with licence, flags and where it lies.

    Returns
    -------
    dict
        ``ffmpeg`` and the ``lib...`` are versions, ``configuration`` the flags that this FFmpeg was
        configured with, ``license`` the one it is under by these flags, and ``path`` the file that
        it comes from: one, if it is the bundled FFmpeg, else one for each library, with commas
        between them.

    Examples
    --------
    >>> import pyffaudio
    >>> sorted(pyffaudio.versions())  # doctest: +NORMALIZE_WHITESPACE
    ['configuration', 'ffmpeg', 'libavcodec', 'libavfilter', 'libavformat', 'libavutil',
     'libswresample', 'license', 'path', 'pyffaudio']
    """
    paths = dict.fromkeys(loaded_from())
    return {"pyffaudio": __version__, **linked_versions(), "path": ", ".join(paths)}


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


def filters() -> dict[str, str]:
    """Audio filters that the option `filters` may use, with a line on each.

    Returns
    -------
    dict of str to str
        By name: those of the linked FFmpeg, less those that are refused, as all that open files or
        sockets are (docs/filters.md has the reasons). Their options are described in FFmpeg's
        documentation, https://ffmpeg.org/ffmpeg-filters.html.

    Examples
    --------
    >>> import pyffaudio
    >>> pyffaudio.filters()["atempo"]
    'Adjust audio tempo.'
    >>> "amovie" in pyffaudio.filters()
    False
    """
    return allowed_filters()
