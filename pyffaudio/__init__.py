"""pyffaudio: audio of any format into NumPy arrays and PyTorch tensors, in-process over FFmpeg."""

from pyffaudio.about import __version__, filters, formats, versions
from pyffaudio.audio import Audio
from pyffaudio.batch import BatchResult, decode_batch_into, decode_many
from pyffaudio.decode import decode_bytes, decode_file, decode_into
from pyffaudio.errors import (
    CorruptAudioError,
    DecodeTimeoutError,
    FilterError,
    LimitExceededError,
    NoAudioStreamError,
    PyffaudioError,
    UnsupportedFormatError,
)
from pyffaudio.info import AudioInfo, Chapter, StreamInfo, probe
from pyffaudio.issues import Issue
from pyffaudio.limits import Limits
from pyffaudio.reader import AudioReader

__all__ = [
    "Audio",
    "AudioInfo",
    "AudioReader",
    "BatchResult",
    "Chapter",
    "CorruptAudioError",
    "DecodeTimeoutError",
    "FilterError",
    "Issue",
    "LimitExceededError",
    "Limits",
    "NoAudioStreamError",
    "PyffaudioError",
    "StreamInfo",
    "UnsupportedFormatError",
    "__version__",
    "decode_batch_into",
    "decode_bytes",
    "decode_file",
    "decode_into",
    "decode_many",
    "filters",
    "formats",
    "probe",
    "versions",
]
