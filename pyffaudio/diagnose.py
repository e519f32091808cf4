"""What went wrong, in words a person can act on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyffaudio.errors import (
    CorruptAudioError,
    DecodeTimeoutError,
    FilterError,
    LimitExceededError,
    NoAudioStreamError,
    PyffaudioError,
    UnsupportedFormatError,
)
from pyffaudio.formats import CODECS, why_codec_refused, why_format_refused

if TYPE_CHECKING:
    from pyffaudio.audio import Audio
    from pyffaudio.issues import Issue
    from pyffaudio.limits import Limits

# In the order of Fault in _media.pxd; "max_..." are limits, those not named have no message here.
FAULT_NAMES = (
    "",
    "format_unknown",
    "format_not_allowed",
    "format_missing",
    "header_damaged",
    "no_audio_stream",
    "no_such_stream",
    "not_an_audio_stream",
    "codec_not_allowed",
    "codec_missing",
    "codec_refused",
    "nothing_decoded",
    "max_streams",
    "max_channels",
    "max_sample_rate",
    "max_filtered_bytes",
    "filters_failed",
)
# fault of the decoder -> exception, and message with the fault's name and value filled in
_FAULTS: dict[str, tuple[type[PyffaudioError], str]] = {
    "format_unknown": (UnsupportedFormatError, "not recognised as audio{guess}"),
    "format_not_allowed": (UnsupportedFormatError, "format {name} is not allowed: {why_format}"),
    "format_missing": (UnsupportedFormatError, "the linked FFmpeg cannot read {name}"),
    "header_damaged": (CorruptAudioError, "looks like {name}, but its header is damaged{guess}"),
    "no_audio_stream": (NoAudioStreamError, "has no audio stream among its {value} streams"),
    "no_such_stream": (NoAudioStreamError, "has no stream of index {value}; see probe().streams"),
    "not_an_audio_stream": (NoAudioStreamError, "stream {value} is not audio; see probe().streams"),
    "codec_not_allowed": (UnsupportedFormatError, "codec {name} is not allowed: {why_codec}"),
    "codec_missing": (UnsupportedFormatError, "the linked FFmpeg has no decoder for {name}"),
    "codec_refused": (CorruptAudioError, "the decoder of {name} refuses the stream's parameters"),
    "nothing_decoded": (CorruptAudioError, "looks like {name}, but no audio can be decoded{guess}"),
    "filters_failed": (FilterError, "the filters cannot take this audio: {name}"),
    "ffmpeg": (CorruptAudioError, "FFmpeg failed: {name}"),
}

_TEXT_SIGNS = (
    (b"version https://git-lfs", "it is a Git LFS pointer: `git lfs pull` brings the real file"),
    (b"<!doctype html", "it is an HTML page: the download gave a web page, not the audio"),
    (b"<html", "it is an HTML page: the download gave a web page, not the audio"),
    (b"<?xml", "it is an XML document"),
    (b"{", "it is a JSON text"),
    (b"#extm3u", "it is a playlist; decode the files that it lists"),
    (b"%pdf", "it is a PDF document"),
    (b"pk\x03\x04", "it is a ZIP archive; decode the files inside"),
    (b"\x1f\x8b", "it is compressed with gzip; decompress it first"),
)


def _guess(head: bytes) -> str:
    """What the first bytes are instead of audio, to be added to a message."""
    if not head:
        return ": it is empty (0 bytes)"
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] & 0xF0 == 0:
        return ": it is MPEG audio of free format, which FFmpeg cannot read"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for sign, words in _TEXT_SIGNS:
        if start.startswith(sign):
            return f": {words}"
    return ""


def fault_error(
    fault: str, value: int, name: str, head: bytes, source: str, limits: Limits
) -> PyffaudioError:
    """The exception for a fault that the decoder found."""
    if fault == "max_filtered_bytes":
        return limit_error(limits, "max_bytes", source, what="what goes into the filters")
    if fault.startswith("max_"):
        return limit_error(limits, fault, source, value)
    if fault == "codec_missing" and name not in CODECS:
        fault = "codec_not_allowed"  # whatever this FFmpeg could do
    kind, template = _FAULTS[fault]
    guess = _guess(head)
    if guess and fault in ("header_damaged", "nothing_decoded"):
        # A web page saved as .mp3 may contain what looks like a frame.
        kind = UnsupportedFormatError
    words = template.format(
        name=name.partition(",")[0],
        value=value,
        guess=guess,
        why_format=why_format_refused(name),
        why_codec=why_codec_refused(name),
    )
    if fault == "format_unknown" and not guess:
        words += "; a stream without a signature needs format= (see pyffaudio.formats())"
    return kind(f"{source}: {words}", code=fault, source=source)


def sox_error(words: str, head: bytes, source: str) -> PyffaudioError:
    """The exception for what libsox cannot open, and says so in these words."""
    unknown = not words or "can't determine type" in words
    guess = _guess(head)
    kind = UnsupportedFormatError if unknown or guess else CorruptAudioError
    if unknown and not guess:
        guess = "; what has no signature needs format= (see pyffaudio.sox.formats())"
    return kind(
        f"{source}: libsox cannot open it{guess}{f' ({words})' if words else ''}",
        code="format_unknown" if unknown else "header_damaged",
        source=source,
    )


_LIMIT_WORDS = {
    "timeout": "took longer than timeout={most} seconds",
    "max_input_bytes": "the source has at least {found} bytes, more than max_input_bytes={most}",
    "max_streams": "the container has at least {found} streams, more than max_streams={most}",
    "max_channels": "the stream has {found} channels, more than max_channels={most}",
    "max_sample_rate": "the sample rate is {found} Hz, more than max_sample_rate={most}",
    "max_bytes": "{what} would take more than max_bytes={most}",
    "max_duration": "the audio is longer than max_duration={most} seconds",
}


def limit_error(
    limits: Limits, limit: str, source: str, found: float | None = None, what: str = "the samples"
) -> LimitExceededError:
    """The exception for a limit that was reached."""
    kind = DecodeTimeoutError if limit == "timeout" else LimitExceededError
    most = getattr(limits, limit)
    words = _LIMIT_WORDS[limit].format(most=most, found=found, what=what)
    error = kind(
        f"{source}: {words}; raise it with limits=Limits({limit}=...)",
        code="timeout" if limit == "timeout" else "limit_exceeded",
        source=source,
    )
    error.limit, error.value = limit, most if found is None else found
    return error


def system_error(errnum: int, source: str) -> OSError:
    """The builtin OSError of a failed system call (FileNotFoundError and so on)."""
    words = os.strerror(errnum)
    if "://" in source:
        words += (
            "; a URL is not a local path: fetch it, or open it with fsspec and pass the file "
            "object, which pyffaudio.remote is going to do"
        )
    return OSError(errnum, words, source)


def damage_error(audio: Audio, source: str) -> CorruptAudioError:
    """The exception for audio of which some is known to be missing."""
    error = unsound_error(audio.issues, audio.num_frames, audio.sample_rate, source)
    error.partial = audio
    return error


def unsound_error(
    issues: tuple[Issue, ...], num_frames: int, sample_rate: int, source: str
) -> CorruptAudioError:
    """The same where the samples have not been kept."""
    fatal = [issue for issue in issues if issue.is_fatal]
    first = fatal[0]
    others = f" and {len(fatal) - 1} more" if len(fatal) > 1 else ""
    return CorruptAudioError(
        f"{source}: {first.code} at frame {first.frame_offset} "
        f"({first.frame_offset / sample_rate:.3f} s){others}; "
        f'decoding with on_error="partial", or .partial, gives {num_frames} frames',
        code=first.code,
        source=source,
        issues=issues,
    )


def md5_error(issues: tuple[Issue, ...], source: str) -> CorruptAudioError:
    """The exception for FLAC that decodes to other samples than its encoder had."""
    return CorruptAudioError(
        f"{source}: the samples do not have the MD5 that the FLAC header states: parts of the "
        "stream are missing, or from another file",
        code="md5_mismatch",
        source=source,
        issues=issues,
    )


def words_of(error: BaseException) -> str:
    """What happened, without the name of the source, for who has said that already."""
    if isinstance(error, PyffaudioError):
        return str(error).removeprefix(f"{error.source}: ")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, MemoryError):
        return f"out of memory ({error})" if str(error) else "out of memory"
    return str(error) or type(error).__name__
