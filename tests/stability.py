"""How far samples depend on the processor and on FFmpeg's version: python tests/stability.py.

FFmpeg's own command can be told which instructions to use; what it gives is what we give
(tests/test_formats.py). Of each codec one specimen is measured. docs/stable.md has the figures.
"""

import tempfile
from pathlib import Path

import numpy as np

from ffmpeg_command import FORMATS, MAKER, ORACLE, ffmpeg
from signals import Samples
from zoo import ZOO, Zoo

# Plain C, some that is everywhere, and what is common; compared with all that there is. FFmpeg uses
# what it is told to, so each is for a processor that has it, by the kernel's names.
INSTRUCTIONS = {"0": set(), "sse4.2": {"sse4_2"}, "avx2+fma3": {"avx2", "fma"}}
AXES = ("processor", "version")
RESAMPLED = "sample_rate="


def _specimens() -> dict[str, str]:
    """A specimen of each codec, and one that is resampled. FFmpeg misreads two, 5.1 has no QOA."""
    found: dict[str, str] = {}
    for name, it in ZOO.items():
        if name not in ("wav_24_in_32", "mp3_free", "qoa"):
            found.setdefault("aac with SBR" if "fdk_he" in name else it.codec, name)
    return {**found, "aac with SBR": "aac_fdk_he", RESAMPLED: "flac_16"}


SPECIMENS = _specimens()


def difference(zoo: Zoo, codec: str, axis: str) -> float:
    """The largest difference of a sample, full scale being 1."""
    usual = _decode(zoo, codec)
    if axis == "version":
        others = [_decode(zoo, codec, program=MAKER)]
    else:
        others = [_decode(zoo, codec, "-cpuflags", each) for each in instructions_here()]
    return max(_apart(usual, other) for other in others)


def instructions_here() -> list[str]:
    """Those of `INSTRUCTIONS` that this processor has."""
    here = set(Path("/proc/cpuinfo").read_text().split())
    return [name for name, needed in INSTRUCTIONS.items() if needed <= here]


def _decode(zoo: Zoo, codec: str, *before: str, program: str = ORACLE) -> Samples:
    name = SPECIMENS[codec]
    form = ("-noxerror", *(("-f", ZOO[name].container) if ZOO[name].headerless else ()))
    # As we resample, whatever the sample format is.
    after = ("-af", "aresample=16000:internal_sample_fmt=fltp") if codec == RESAMPLED else ()
    source = ("-i", f"file:{zoo[name]}")
    raw = ffmpeg(*before, *form, *source, *after, "-f", FORMATS["float32"], "-", program=program)
    return np.frombuffer(raw, "float32")


def _apart(one: Samples, other: Samples) -> float:
    """Where both have samples: versions of the command end some files in different places."""
    count = min(len(one), len(other))
    assert count > 0.9 * max(len(one), len(other))
    return float(np.abs(one[:count].astype(np.float64) - other[:count]).max())


def main() -> None:
    """Print the table."""
    print("processor: all that it has against", ", ".join(instructions_here()))
    with tempfile.TemporaryDirectory() as folder:
        zoo = Zoo(Path(folder))
        for codec in SPECIMENS:
            found = [difference(zoo, codec, axis) for axis in AXES]
            said = [f"{20 * np.log10(each):.1f} dB" if each else "same" for each in found]
            print(f"{codec:16} {SPECIMENS[codec]:18} {said[0]:>10} {said[1]:>10}", flush=True)


if __name__ == "__main__":
    main()
