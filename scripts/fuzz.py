"""Decode mutated files for a while: python scripts/fuzz.py [SECONDS [SEED [CASE]]].

A case is a function of its seed and number: a finding is printed with both and saved, and CASE runs
one again. Use a build with sanitizers for this: `make sanitize`. What appears on stderr is a
finding too, but for the lines that FFmpeg prints without a context (docs/safety.md). It is in
build/fuzz/stderr, a crash's report as well, whose case is in build/fuzz/last.
"""

import faulthandler
import io
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import monotonic, perf_counter
from typing import Any

import numpy as np

import pyffaudio
from pyffaudio import Audio, AudioInfo, AudioReader, Limits, PyffaudioError
from pyffaudio.options import ReaderOptions

FOLDER = Path("build/fuzz")
SLOWEST = 6.0
# What another FFmpeg than the bundled one prints from where only its whole process could be told
# not to.
CHATTER = re.compile(
    rb"Truncating packet of size|ID3v2|nvalid frame id|Skipping encrypted|nknown encoding|"
    rb"Failed to uncompress tag|^\[NULL @|^\[flac @|^\[Vorbis parser @|\[IMGUTILS @|"
    rb"is not in the full list|nknown attached picture|^ *Last message repeated|"
    rb"idelta overflow|Header missing|too large timebase|not on whitelist"
)
LIMITS = Limits(timeout=5, max_bytes=8 << 20)
DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]
RATES = [1, 7, 8000, 11025, 16000, 44100, 48000, 192000, 768000]
INTEGERS = [
    0,
    1,
    2,
    127,
    128,
    255,
    256,
    32767,
    65535,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
]
FILTERS = [
    "anull",
    "volume=0.5,highpass=f=200",
    "atempo=1.5",
    "areverse",
    "loudnorm",
    "aresample=16000",
    "asplit[a][b];[a]adelay=50:all=1[c];[b][c]amix",
    "silenceremove=stop_periods=-1:stop_duration=0.1:stop_threshold=-40dB",
    "pan=mono|c0=c0",
]
WORDS = ("no rule mixes", "takes a filter", "out has")  # of the ValueErrors that depend on the file
VIDEO = "-f lavfi -i testsrc=s=32x32:r=10:d=0.3"
# suffix, arguments of ffmpeg
SEEDS = [
    (".wav", "-c:a pcm_u8"),
    (".wav", "-c:a pcm_s16le -metadata title=tone"),
    (".wav", "-c:a pcm_s24le -ar 48000"),
    (".wav", "-c:a pcm_f32le -ac 1"),
    (".wav", "-c:a pcm_f64le"),
    (".wav", "-c:a pcm_s16le -ac 8"),
    (".wav", "-c:a pcm_alaw"),
    (".flac", "-c:a flac"),
    (".flac", "-c:a flac -sample_fmt s32 -ac 6"),
    (".mp3", "-c:a libmp3lame -metadata title=tone"),
    (".mp3", "-c:a libmp3lame -ac 1 -ar 16000 -write_xing 0"),
    (".ogg", "-c:a libvorbis"),
    (".ogg", "-c:a flac"),
    (".opus", "-c:a libopus -ar 48000"),
    (".m4a", "-c:a aac -movflags faststart"),
    (".m4a", "-c:a aac -movflags frag_keyframe+empty_moov"),
    (".mka", "-c:a flac"),
    (".mka", "-c:a pcm_s24le"),
    (".webm", f"{VIDEO} -c:a libopus -ar 48000 -c:v libvpx"),
    (".mp4", f"{VIDEO} -c:a aac -c:v mpeg4"),
    (".mov", "-c:a pcm_s16be"),
    (".aac", "-c:a aac -f adts"),
    (".latm", "-c:a aac -f latm"),
    (".aiff", "-c:a pcm_s16be"),
    (".au", "-c:a pcm_s16be"),
    (".w64", "-c:a pcm_s16le"),
    (".caf", "-c:a alac"),
    (".wav", "-c:a adpcm_ima_wav"),
    (".wav", "-c:a adpcm_ms"),
    (".rf64", "-c:a pcm_s16le -f wav -rf64 always"),
    (".wv", "-c:a wavpack"),
    (".tta", "-c:a tta"),
    (".mp2", "-c:a mp2"),
    (".ac3", "-c:a ac3 -ar 48000"),
    (".eac3", "-c:a eac3 -ar 48000"),
    (".dts", "-c:a dca -strict -2 -ar 48000"),
    (".thd", "-c:a truehd -strict -2 -ar 48000"),
    (".spx", "-c:a libspeex -ar 16000"),
    (".wma", "-c:a wmav2"),
    (".avi", "-c:a libmp3lame"),
    (".flv", f"{VIDEO} -c:a aac -c:v flv"),
    (".ts", f"{VIDEO} -c:a aac -c:v mpeg2video -r 25"),
    (".mpg", f"{VIDEO} -c:a mp2 -c:v mpeg1video -r 25"),
    (".m4a", "-c:a alac"),
    (".mp4", "-c:a libopus -ar 48000"),
    (".m4a", "-c:a aac -movflags frag_keyframe+delay_moov -frag_duration 100000"),
    (".g722", "-c:a g722 -ac 1 -ar 16000"),
    (".gsm", "-c:a libgsm -ac 1 -ar 8000"),
    (".sbc", "-c:a sbc"),
    (".s16le", "-f s16le"),
]
# Long enough to go about in: more than a second beyond what is decoded before a segment.
LONG_SEEDS = [
    (".wav", "-c:a pcm_s16le -ac 1 -ar 8000"),
    (".flac", "-c:a flac -ac 1 -ar 8000"),
    (".mp3", "-c:a libmp3lame -ac 1 -ar 16000"),
    (".ogg", "-c:a libvorbis -ac 1 -ar 8000"),
    (".opus", "-c:a libopus -ac 1 -ar 48000 -b:a 12k"),
    (".aac", "-c:a aac -ac 1 -ar 8000 -f adts"),
    (".m4a", "-c:a aac -ac 1 -ar 8000"),
    (".mka", "-c:a flac -ac 1 -ar 8000"),
    (".wv", "-c:a wavpack -ac 1 -ar 8000"),
    (".tta", "-c:a tta -ac 1 -ar 8000"),
]


def make_seeds(folder: Path) -> list[tuple[str, bytes]]:
    tone = "aevalsrc=0.5*sin(2000*t)|0.4*sin(3000*t*t):s=22050:d="
    seeds = []
    lengths = [(0.3, seed) for seed in SEEDS] + [(5, seed) for seed in LONG_SEEDS]
    for seconds, (suffix, arguments) in lengths:
        path = folder / f"seed{suffix}"
        source = ["-f", "lavfi", "-i", f"{tone}{seconds}"]
        command = ["ffmpeg", "-v", "error", "-y", *source, *arguments.split()]
        subprocess.run([*command, "-bitexact", path], check=True)
        seeds.append((suffix.removeprefix("."), path.read_bytes()))
    links = [data for suffix, data in seeds if suffix in ("ogg", "opus", "spx")]
    return [*seeds, ("ogg", b"".join(links)), ("ogg", links[-1] * 3)]


def mutate(random: Random, data: bytearray, other: bytes) -> None:
    """Change the data once, half of the time near its start."""
    end = len(data) if random.random() < 0.5 else min(len(data), 512)
    at = random.randrange(end + 1)
    run = int(random.expovariate(1 / 64)) + 1
    kind = random.randrange(7)
    if kind == 0 and at < len(data):
        data[at] ^= 1 << random.randrange(8)
    elif kind == 1:
        width = random.choice((1, 2, 4, 8))
        number = random.choice(INTEGERS) % 256**width
        data[at : at + width] = number.to_bytes(width, random.choice(("little", "big")))
    elif kind == 2:
        data[at : at + run] = random.randbytes(run)
    elif kind == 3:
        del data[at : at + run * random.choice((1, 1, 64, 4096))]
    elif kind == 4:
        data[at:at] = data[at : at + run] * random.choice((1, 2, 16))
    elif kind == 5:
        start = random.randrange(len(other))
        data[at : at + run] = other[start : start + run]
    elif kind == 6 and random.random() < 0.2:
        data[at:] = other


def choose_options(random: Random, suffix: str) -> dict[str, Any]:
    """Options of decode_bytes; most of them stay at their defaults in most cases."""
    options: dict[str, Any] = {"limits": LIMITS, "dtype": random.choice([*DTYPES, None])}
    options["on_error"] = random.choice(("raise", "partial"))
    options["channels_first"] = random.random() < 0.5
    if random.random() < 0.4:
        options["sample_rate"] = random.choice([*RATES, random.randint(1, 768000)])
    if random.random() < 0.3:
        options["num_channels"] = random.choice((1, 1, 2, 2, 6, 64))
    segment = random.randrange(6)
    if segment == 0:
        options["frame_offset"] = random.choice((0, 1, 1000, 2**62))
        options["num_frames"] = random.choice((0, 1, 5000, 2**62))
    elif segment == 1:
        options["start_seconds"] = random.choice((0, 0.1, -0.1, 1e9, -1e9))
        options["stop_seconds"] = random.choice((None, 0.2, -0.01, 1e12))
    if random.random() < 0.1 and "num_frames" not in options:
        options["filters"] = random.choice(FILTERS)
    if random.random() < 0.05:
        options["stream_index"] = random.randrange(3)
    if suffix in ("g722", "gsm", "sbc") or random.random() < 0.03:
        options["format"] = random.choice(("g722", "gsm", "sbc", "mp3", "aac", "mov", suffix))
        if options["format"] not in pyffaudio.formats()["demuxers"]:
            del options["format"]
    if suffix == "s16le" or random.random() < 0.03:
        options["format"] = random.choice(("s16le", "f64be", "mulaw"))
        channels = random.choice((1, 2, 64))
        options["format_options"] = {"sample_rate": random.choice(RATES), "channels": channels}
    return options


class ShortReads(io.BytesIO):
    """A file object that answers less than asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(None if size is None else min(size, 1 + size // 3))


def attempt(action: Callable[[], Any]) -> Any:
    """What a call gives or, as text, which of the documented errors."""
    start = perf_counter()
    try:
        outcome = action()
    except (PyffaudioError, ValueError) as error:
        if isinstance(error, ValueError) and not any(word in str(error) for word in WORDS):
            raise
        outcome = type(error).__name__
    assert perf_counter() - start < SLOWEST, "took too long"
    return outcome


def same(one: Any, two: Any) -> bool:
    if not (isinstance(one, Audio) and isinstance(two, Audio)):
        return type(one) is type(two) and (isinstance(one, Audio) or one == two)
    same_samples = one.samples.shape == two.samples.shape
    same_samples &= one.samples.tobytes() == two.samples.tobytes()
    return same_samples and one.issues == two.issues and one.more == two.more


def fill_odd_array(random: Random, data: bytes, expected: Any, options: dict[str, Any]) -> Any:
    """decode_into an array with odd strides, around which nothing may change."""
    dtype = np.dtype(options.pop("dtype") or "float32")
    audio = isinstance(expected, Audio)
    frames, channels = (expected.num_frames, expected.num_channels) if audio else (100, 2)
    frames = max(frames + random.choice((-7, 0, 7)), 0)
    step, gap = random.choice((1, -1, 2, -3)), random.choice((1, 1, 2))
    whole = np.full((frames * abs(step) + 2, channels * gap + 2), 77, dtype)
    view = whole[1:-1][::step][:frames, :: random.choice((gap, -gap))][:, :channels]
    before = whole.copy()
    out = view.T if options["channels_first"] else view
    if channels == 1 and random.random() < 0.5:
        out = view[:, 0]
    outcome = attempt(lambda: pyffaudio.decode_into(data, out, **options))
    view[:] = 77
    assert np.array_equal(whole, before), "wrote outside of out"
    return outcome


def fill_batch(random: Random, sources: list[Any], options: dict[str, Any]) -> None:
    """Rows are as decode_into fills them alone, and padded."""
    dtype = np.dtype(options.pop("dtype") or "float32")
    shape = (random.choice((0, 1, 5000)), options.get("num_channels") or random.choice((1, 2)))
    shape = shape[::-1] if options["channels_first"] else shape
    out = np.full((len(sources), *shape), 9, dtype)
    result = pyffaudio.decode_batch_into(
        sources, out, pad_value=3, num_workers=2, on_item_error="return", **options
    )
    for row, source, error, length in zip(out, sources, result.errors, result.lengths, strict=True):
        expected = np.full(shape, 3, dtype)
        alone = attempt(lambda: pyffaudio.decode_into(source, expected, **options))  # noqa: B023
        if "DecodeTimeoutError" in (alone, type(error).__name__):
            continue
        assert isinstance(alone, Audio) == (error is None), (alone, error)
        same_row = row.tobytes() == expected.tobytes()
        assert error is not None or (length == alone.num_frames and same_row)


def wander(random: Random, data: bytes, options: dict[str, Any]) -> None:
    """Read here and there: an array, an empty one, or one of the documented errors."""
    taken = {name: options[name] for name in ReaderOptions.__optional_keys__ & options.keys()}
    try:
        with AudioReader(data, **taken) as reader:
            for _ in range(random.randrange(1, 5)):
                reader.seek(random.choice((0, 1, random.randrange(200_000), 2**62)))
                attempt(lambda: reader.read(random.choice((0, 1, 5000))))
    except (PyffaudioError, ValueError) as error:
        if isinstance(error, ValueError) and not any(word in str(error) for word in WORDS):
            raise


def run_case(random: Random, seeds: list[tuple[str, bytes]], folder: Path, keep: bool) -> str:
    suffix, seed = random.choice(seeds)
    changed = bytearray(seed)
    for _ in range(random.choice((0, 1, 1, 2, 3, 8, 30))):
        mutate(random, changed, random.choice(seeds)[1])
    data = bytes(changed)
    options = choose_options(random, suffix)
    if keep:
        (FOLDER / "case.bin").write_bytes(data)
        print(suffix, len(data), options)
    first = attempt(lambda: pyffaudio.decode_bytes(data, **options))
    path = folder / "case"
    path.write_bytes(data)
    ways: list[Callable[[], Any]] = [
        lambda: pyffaudio.decode_bytes(memoryview(data), **options),
        lambda: pyffaudio.decode_file(ShortReads(data), **options),
        lambda: pyffaudio.decode_file(path, **options),
    ]
    again = attempt(random.choice(ways))
    assert "DecodeTimeoutError" in (first, again) or same(first, again), f"{first}, then {again}"
    fill_odd_array(random, data, first, options.copy())
    if random.random() < 0.5:
        fill_batch(random, [data, path], options.copy())
    if random.random() < 0.7:
        wander(random, data, options)
    asked = {k: options[k] for k in ("format", "format_options", "stream_index") if k in options}
    exact = random.random() < 0.3
    info = attempt(lambda: pyffaudio.probe(data, exact=exact, limits=LIMITS, **asked))
    assert isinstance(info, (AudioInfo, str)), info
    return first if isinstance(first, str) else "Audio"


def check_stderr(said: bytes) -> None:
    bundled = "libpyffaudio_ffmpeg" in pyffaudio.versions()["path"]
    lines = filter(None, re.split(rb"[\r\n]+", said))
    news = [line for line in lines if bundled or not CHATTER.search(line)]
    assert not news, f"on stderr: {news[:3]}"


def main(seconds: float, seed: str, only: int) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    findings = 0
    outcomes: Counter[str] = Counter()
    if only < 0:
        file = os.open(FOLDER / "stderr", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        os.dup2(file, 2)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name, open(FOLDER / "last", "w") as last:
        seeds = make_seeds(Path(name))
        number, end = max(only, 0), monotonic() + seconds
        while monotonic() < end and only in (-1, number):
            os.pwrite(last.fileno(), f"{seed} {number}\n".encode(), 0)
            faulthandler.dump_traceback_later(10 * SLOWEST, exit=True)
            quiet = os.fstat(2).st_size
            try:
                outcomes[run_case(Random(f"{seed} {number}"), seeds, Path(name), only >= 0)] += 1
                if only < 0:
                    check_stderr(os.pread(2, 1 << 20, quiet))
            except BaseException as error:
                findings += 1
                print(f"seed {seed} case {number}: {error!r}", flush=True)
                if only >= 0 or isinstance(error, KeyboardInterrupt):
                    raise
            number += 1
    faulthandler.cancel_dump_traceback_later()
    print(f"{sum(outcomes.values())} cases, {findings} findings: {dict(outcomes)}")
    return findings > 0


if __name__ == "__main__":
    _, *given = [*sys.argv, *("60", "0", "-1")[len(sys.argv) - 1 :]]
    sys.exit(main(float(given[0]), given[1], int(given[2])))
