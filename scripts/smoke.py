"""Decode with an installed wheel where nothing else is: what every platform's build must do."""

import io
import wave
from pathlib import Path

import numpy as np

import pyffaudio
from pyffaudio.formats import DECODERS, DEMUXERS


def main() -> None:
    versions, formats = pyffaudio.versions(), pyffaudio.formats()
    package = Path(pyffaudio.__file__).parent
    assert Path(versions["path"]).parent.samefile(package / "bundle"), versions["path"]
    assert formats == {"demuxers": tuple(DEMUXERS), "decoders": tuple(DECODERS)}
    samples = np.arange(-16_000, 16_000, dtype="<i2").reshape(-1, 2)
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(samples.tobytes())
    audio = pyffaudio.decode_bytes(file.getvalue(), dtype="int16")
    assert np.array_equal(audio.samples, samples)
    assert pyffaudio.decode_bytes(file.getvalue(), sample_rate=8000).num_frames == 8000
    print(f"pyffaudio {versions['pyffaudio']} with FFmpeg {versions['ffmpeg']}: {versions['path']}")


if __name__ == "__main__":
    main()
