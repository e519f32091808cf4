"""The files that the examples of the documents read."""

import tarfile
from pathlib import Path

from ffmpeg_command import encode
from signals import music, quantise, sine
from wav_bytes import wav_bytes


def make(folder: Path) -> Path:
    tone = wav_bytes(quantise(sine(800, 2, 8000), "int16"), 8000)
    (folder / "tone.wav").write_bytes(tone)
    speech = wav_bytes(quantise(sine(24000, 1, 8000), "int16"), 8000)
    (folder / "speech.wav").write_bytes(speech)
    song = music(88200).astype("float32")
    encode(folder / "song.mp3", song, 44100, "-c:a", "libmp3lame")
    encode(folder / "song.m4a", song, 44100, "-c:a", "aac")
    encode(folder / "song.flac", quantise(music(88200), "int16"), 44100, "-c:a", "flac")
    with tarfile.open(folder / "shard.tar", "w") as shard:
        for name in ("speech.wav", "song.mp3"):
            shard.add(folder / name, name)
    (folder / "clips").mkdir()
    (folder / "clips" / "sound.wav").write_bytes(speech)
    (folder / "clips" / "cut.wav").write_bytes(speech[: 44 + 20000])
    (folder / "clips" / "page.mp3").write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    return folder
