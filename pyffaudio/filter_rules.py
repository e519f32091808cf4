"""What a filter graph may not do, with reasons: the one list, which docs/filters.md shows.

A string may come from a stranger, and FFmpeg's filters were not written for that. What is refused
here was found in their sources, by running each under a checking allocator, or by giving them
arguments at random (tests/test_filter_memory.py, scripts/fuzz_filters.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_READS_FILES = "it reads a file that its argument names"
_WRITES_FILES = "it writes a file that its argument names"
_LOADS_CODE = "it loads a program that its argument names"
_NEEDS_LIBRARY = "it needs a library that is not bundled"
_IS_THERE = "a graph has one at each end already"
_SLEEPS = "it sleeps, and nothing could wake it"
_IS_SOURCE = "it makes audio of its own, which may never end"
_READS_MEMORY = "it gives out memory that it has not written"
_WRITES_MEMORY = "it writes beyond its memory"
_HANGS = "it never comes back from samples that are no number"
_IS_SLOW = "it may take minutes for a tenth of a second"
_CRASHES = "some arguments make it crash"

# filter -> why, in words that follow "because"
REFUSED_FILTERS: Mapping[str, str] = MappingProxyType(
    {
        "abuffer": _IS_THERE,
        "abuffersink": _IS_THERE,
        "acue": _SLEEPS,
        "adeclick": _IS_SLOW,
        "adeclip": _IS_SLOW,
        "adrc": _READS_MEMORY,
        "aevalsrc": _IS_SOURCE,
        "ametadata": _WRITES_FILES,
        "amovie": _READS_FILES,
        "anlmdn": _WRITES_MEMORY,
        "anoisesrc": _IS_SOURCE,
        "anullsrc": _IS_SOURCE,
        "apsyclip": _READS_MEMORY,
        "arealtime": _SLEEPS,
        "arnndn": _READS_FILES,
        "asendcmd": "it reads a file that its argument names, and changes what was checked",
        "asr": _READS_FILES,
        "azmq": "it listens on a socket",
        "bs2b": _NEEDS_LIBRARY,
        "chorus": _READS_MEMORY,
        "flite": _NEEDS_LIBRARY,
        "ladspa": _LOADS_CODE,
        "lv2": _LOADS_CODE,
        "mcompand": _CRASHES,
        "movie": _READS_FILES,
        "rubberband": "it needs a library under the GPL",
        "sinc": _CRASHES,
        "sine": _IS_SOURCE,
        "sofalizer": _READS_FILES,
        "speechnorm": _HANGS,
        "vibrato": _READS_MEMORY,
        "whisper": _READS_FILES,
    }
)

# filter -> the libavfilter as of which it is sound, and why not before
REFUSED_BEFORE: Mapping[str, tuple[tuple[int, int], str]] = MappingProxyType(
    {
        "dynaudnorm": ((10, 4), "before FFmpeg 7.1, it reads beyond its memory"),
    }
)

# filter -> option -> why; an option is refused by all of its names
REFUSED_OPTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "apad": {"enable": "while it is off, it never ends"},
        "asetnsamples": {"enable": _WRITES_MEMORY},
        "crossfeed": {"block_size": _READS_MEMORY},
        "firequalizer": {"dumpfile": _WRITES_FILES},
        "loudnorm": {"stats_file": _WRITES_FILES},
    }
)
# Of any filter.
REFUSED_GENERIC_OPTIONS = ("threads", "thread_type", "extra_hw_frames")

# filter -> the only options that it may have, where others would crash it or make it endless
ALLOWED_OPTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "aresample": frozenset(
            {
                "sample_rate",
                "osr",
                "out_sample_rate",
                "osf",
                "out_sample_fmt",
                "ochl",
                "out_chlayout",
                "resampler",
                "precision",
                "cheby",
                "cutoff",
                "filter_size",
                "phase_shift",
                "linear_interp",
                "exact_rational",
                "filter_type",
                "kaiser_beta",
                "dither_scale",
                "dither_method",
                "clev",
                "center_mix_level",
                "slev",
                "surround_mix_level",
                "lfe_mix_level",
                "rmvol",
                "rematrix_volume",
                "rematrix_maxval",
                "matrix_encoding",
                "enable",
            }
        ),
    }
)

_RATES = (1000, 768_000)
_PADS = (1, 64)
_TAPS = (1, 4096)
_HOUR = 3_600_000_000  # in microseconds

# filter -> option -> least and most; 0 is as if it had not been given
BOUNDS: Mapping[str, Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "aap": {"order": (1, 256), "projection": (1, 8)},
        "acrossfade": {"inputs": (2, 64)},
        "afdelaysrc": {"sample_rate": _RATES, "taps": _TAPS},
        "afir": {"ir": (0, 0)},
        "afireqsrc": {"sample_rate": _RATES, "taps": _TAPS},
        "afirsrc": {"sample_rate": _RATES, "taps": _TAPS},
        "ainterleave": {"nb_inputs": _PADS},
        "aloop": {"loop": (0, 1000), "size": (0, 1 << 22)},
        "amix": {"inputs": _PADS},
        "apad": {
            "pad_len": (-1, 1 << 28),
            "whole_len": (-1, 1 << 28),
            "pad_dur": (-1, _HOUR),
            "whole_dur": (-1, _HOUR),
        },
        "aresample": {
            "sample_rate": _RATES,
            "out_sample_rate": _RATES,
            "filter_size": (0, 256),
            "phase_shift": (0, 12),
        },
        "arls": {"order": (1, 256)},
        "aselect": {"outputs": _PADS},
        "asetnsamples": {"nb_out_samples": (1, 1 << 20)},
        "asetrate": {"sample_rate": _RATES},
        "asplit": {"outputs": _PADS},
        "hilbert": {"sample_rate": _RATES},
        "join": {"inputs": _PADS},
    }
)

# filter -> options of which one must be positive, or it goes on for ever
ENDED_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"apad": ("pad_len", "whole_len", "pad_dur", "whole_dur")}
)


_WINDOWS = "|".join(str(1 << power) for power in range(4, 17))


def _listed(item: str) -> str:
    return rf"({item})([ |]+({item}))*"


# By name, by the names of its channels, by their number, or as a mask of these.
_LAYOUT = (
    r"(?!ambisonic)[A-Za-z]\w*([+|]\w+){0,63}|\d{1,2}\.\d(\.\d)?(\([a-z-]+\))?"
    r"|([1-5]?\d|6[0-4])[cC]|0x[\da-fA-F]{1,16}"
)

# filter -> option -> what its value must look like, and that in words
PATTERNS: Mapping[str, Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "afftfilt": {"win_size": (_WINDOWS, "a power of two up to 65536")},
        "aspectralstats": {"win_size": (_WINDOWS, "a power of two up to 65536")},
        "adelay": {
            "delays": (
                _listed(r"[\d.]{1,7}|\d{1,8}S|[\d.]{1,4}s"),
                "of at most 7 digits, 8S or 4s, with | between them",
            ),
        },
        "aformat": {
            "sample_rates": (
                _listed(r"[1-9]\d{3,4}|[1-7]\d{5}"),
                "from 1000 to 799999, with | between them",
            ),
        },
        "channelmap": {"channel_layout": (_LAYOUT, "a layout of at most 64 channels")},
        "compand": {
            "attacks": (_listed(r"[\d.]+"), "numbers with | between them"),
            "decays": (_listed(r"[\d.]+"), "numbers with | between them"),
        },
    }
)

# filter -> so often may it be in a graph: each multiplies what there is, or adds to it
MOST_OF: Mapping[str, int] = MappingProxyType(
    {"adelay": 4, "aecho": 4, "aloop": 2, "apad": 2, "asetrate": 2, "atempo": 4}
)

# Of FFmpeg's expressions, which any number may be: they loop, write to the log, or end the process.
# The characters between these names and their "(" do not matter to FFmpeg.
REFUSED_FUNCTIONS = ("while", "taylor", "root", "print", "cubic_interpolate")
# It computes its argument twice, so that a few within each other take for ever.
MOST_CLIPS = 4
# Beyond this an expression is no longer one that anyone wrote.
MOST_CHARACTERS = 4096
