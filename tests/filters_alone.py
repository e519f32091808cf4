"""Print a digest of what each filter alone gives: python tests/filters_alone.py."""

import hashlib
import sys
from collections.abc import Iterator

import pyffaudio
from signals import full_range
from wav_bytes import wav_bytes

SHAPES = [(48000, 2, "int16", 4801), (8000, 1, "float32", 777), (44100, 6, "float64", 1500)]
# What some need beside their name. Seeds are drawn by the clock where none is given.
ARGUMENTS = {
    "adecorrelate": "seed=1",
    "aeval": "val(0):c=same",
    "aloop": "loop=2:size=100",
    "apad": "pad_len=100",
    "asegment": "timestamps=0.01",
    "channelmap": "map=0",
    "pan": "mono|c0=c0",
}


def graphs() -> Iterator[str]:
    """A graph for each filter, with a second input or output where it has one."""
    for name in pyffaudio.filters():
        text = f"{name}={ARGUMENTS[name]}" if name in ARGUMENTS else name
        if name.endswith("src") or name == "hilbert":
            continue
        yield text
        yield f"asplit[a][b];[b]atrim=end_sample=700[c];[a][c]{text}"
        yield f"{text}[a][b];[a][b]amix"


def digest(graph: str) -> Iterator[str]:
    for rate, channels, dtype, frames in SHAPES:
        data = wav_bytes(full_range(frames, channels, dtype), rate)
        try:
            audio = pyffaudio.decode_bytes(data, filters=graph, dtype=None)
        except pyffaudio.FilterError as error:
            yield error.code
        else:
            yield hashlib.md5(audio.samples.tobytes()).hexdigest()


if __name__ == "__main__":
    for graph in graphs():
        sys.stdout.write(f"{graph}: {' '.join(digest(graph))}\n")
        sys.stdout.flush()
