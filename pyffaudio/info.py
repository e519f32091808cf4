"""AudioInfo: what a file says of itself; probe()."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyffaudio import native
from pyffaudio.limits import Limits
from pyffaudio.native import Source
from pyffaudio.options import Options, normalise
from pyffaudio.verify import count_frames


@dataclass(frozen=True)
class StreamInfo:
    """One stream of a container.

    Attributes
    ----------
    index : int
        What `stream_index` takes.
    type : str
        ``"audio"``, ``"video"``, ``"subtitle"``, ``"data"``, ``"attachment"`` or ``"unknown"``.
    codec : str
        FFmpeg's name of the codec.
    sample_rate, num_channels : int or None
        As the container says, audio only; decoding may show others for streams not chosen.
    is_cover : bool
        A picture that belongs to the audio.
    tags : dict of str to str
        Lower-case names, such as ``"language"``.
    """

    index: int
    type: str
    codec: str
    sample_rate: int | None
    num_channels: int | None
    is_cover: bool
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Chapter:
    """A chapter, in seconds from the start."""

    start_seconds: float
    stop_seconds: float
    tags: Mapping[str, str]


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of the chosen audio stream and of itself.

    Rate, channels and codec equal what decoding gives.

    Attributes
    ----------
    sample_rate : int
        Hz, of the first decoded frame.
    num_channels : int
        Of the first decoded frame.
    channel_layout : str
        FFmpeg's description: ``"stereo"``, ``"5.1"``, ``"2 channels"`` where places are not said.
    num_frames : int or None
        Samples per channel; by the container's word unless `is_exact`.
    duration_seconds : float or None
        `num_frames` in seconds.
    is_exact : bool
        Whether `num_frames` was counted rather than claimed.
    codec, container, sample_format : str
        FFmpeg's names: ``"flac"``, ``"matroska"``, ``"s16"``.
    bits_per_sample : int or None
        Valid bits of lossless codecs.
    bit_rate : int or None
        Bits per second, as declared.
    stream_index : int
        The chosen stream.
    tags : dict of str to str
        Lower-case names; the stream's own go before the container's.
    streams : tuple of StreamInfo
        All streams, video too.
    chapters : tuple of Chapter
        In order of time.
    has_cover : bool
        Whether there is a cover picture.
    """

    sample_rate: int
    num_channels: int
    channel_layout: str
    num_frames: int | None
    duration_seconds: float | None
    is_exact: bool
    codec: str
    container: str
    sample_format: str
    bits_per_sample: int | None
    bit_rate: int | None
    stream_index: int
    tags: Mapping[str, str]
    streams: tuple[StreamInfo, ...]
    chapters: tuple[Chapter, ...]
    has_cover: bool


def probe(
    source: Source,
    *,
    exact: bool = False,
    stream_index: int | None = None,
    format: str | None = None,
    format_options: Mapping[str, int] | None = None,
    limits: Limits | None = None,
) -> AudioInfo:
    """Tell what a source holds; of the audio, only the first frame is decoded.

    Parameters
    ----------
    source : str, os.PathLike, binary file object or bytes-like
        A file object is put back to its position; one that cannot seek is refused.
    exact : bool
        Count the frames to the last, by the headers of all packets where these tell, else by
        decoding; and check what that shows: that nothing is missing, for FLAC the MD5 of its
        samples. Default: `num_frames` is the container's word.
    stream_index, format, format_options, limits
        As in `decode_file`.

    Returns
    -------
    AudioInfo
        Rate, channels and codec equal what decoding gives.

    Raises
    ------
    PyffaudioError, OSError, TypeError, ValueError
        As in `decode_file`; CorruptAudioError for damage in the audio only if `exact`.

    Examples
    --------
    >>> import pyffaudio
    >>> info = pyffaudio.probe("tone.wav")
    >>> info.codec, info.sample_rate, info.num_channels, info.duration_seconds
    ('pcm_s16le', 8000, 2, 0.1)
    """
    options = normalise(
        dtype=None,
        stream_index=stream_index,
        format=format,
        format_options=format_options,
        limits=limits,
    )
    put_back = native.rewinder(source, "probe puts a file object back to its position")
    try:
        return tell(source, options, exact)
    finally:
        put_back()


def tell(source: Source, options: Options, exact: bool) -> AudioInfo:
    """What `probe` tells, wherever that leaves a file object."""
    with native.open_decoder(source, options) as decoder:
        counted = count_frames(decoder) if exact else None
        return info_of(decoder.describe(), counted)


def info_of(said: Mapping[str, Any], counted: int | None = None) -> AudioInfo:
    """The AudioInfo of what a decoder describes, with its frames where they have been counted."""
    facts = dict(said)
    # Of the chosen stream the first frame tells the truth, which its container may not even claim.
    truth = {key: facts[key] for key in ("codec", "sample_rate", "num_channels")}
    streams = tuple(
        StreamInfo(**stream | (truth if stream["index"] == facts["stream_index"] else {}))
        for stream in facts["streams"]
    )
    own_tags = dict(streams[facts["stream_index"]].tags)
    if counted is not None:
        facts |= {"num_frames": counted, "is_exact": True}
    num_frames = facts["num_frames"]
    facts |= {
        "duration_seconds": None if num_frames is None else num_frames / facts["sample_rate"],
        "container": facts["container"].partition(",")[0],
        "tags": facts["tags"] | own_tags,
        "streams": streams,
        "chapters": tuple(Chapter(**chapter) for chapter in facts["chapters"]),
        "has_cover": any(stream.is_cover for stream in streams),
    }
    return AudioInfo(**facts)
