"""The inputs of scripts/fuzz.py, each a function of its number, and what is asked of pyffaudio.

Every fourth input is a seed file cut short, until each has been cut at each of its first bytes;
all others are mutated.
"""

import io
import os
import subprocess
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from random import Random
from threading import Thread
from time import process_time
from typing import Any

import numpy as np
from mutate import mutate
from numpy.typing import NDArray

import pyffaudio
from pyffaudio import Audio, AudioReader, Limits, PyffaudioError
from pyffaudio.options import ReaderOptions

# Seconds that no call may take, not by a timeout either; sanitizers make everything slower.
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
SLOWEST = 20.0 if SANITIZED else 2.0
LIMITS = Limits(timeout=1.5 * SLOWEST, max_bytes=4 << 20)
CUTS = 1000
SCRAMBLE = 7919  # a prime: the cuts of all files come in turns
Seeds = Sequence[tuple[str, bytes]]
DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]
RATES = [1, 7, 8000, 11025, 16000, 44100, 48000, 192000, 768000]
FILTERS = [
    "anull",
    "volume=0.5,highpass=f=200",
    "atempo=1.5",
    "areverse",
    "loudnorm",
    "aresample=16000",
    "asplit[a][b];[a]aecho[c];[b][c]amix",
    "silenceremove=stop_periods=-1:stop_duration=0.1:stop_threshold=-40dB",
    "pan=mono|c0=c0",
]
# Of the ValueErrors that depend on the file.
WORDS = ("no rule mixes", "takes a filter", "out has", "cannot seek")
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
# Long enough to be divided among threads.
DIVISIBLE_SEEDS = [
    (".wav", "-c:a pcm_s16le -ac 1 -ar 8000"),
    (".flac", "-c:a flac -ac 1 -ar 8000"),
]


def make_seeds(folder: Path) -> list[tuple[str, bytes]]:
    """The files to begin with, made where they are not there yet."""
    tone = "aevalsrc=0.5*sin(2000*t)|0.4*sin(3000*t*t):s=22050:d="
    lengths = [(0.3, SEEDS), (5, LONG_SEEDS), (11, DIVISIBLE_SEEDS)]
    folder.mkdir(parents=True, exist_ok=True)
    environment = {name: os.environ[name] for name in os.environ.keys() - {"LD_PRELOAD"}}
    seeds = []
    for seconds, suffix, arguments in [(s, *seed) for s, listed in lengths for seed in listed]:
        source = f"-f lavfi -i {tone}{seconds} {arguments} -bitexact"
        path = folder / f"{zlib.crc32(source.encode()):08x}{suffix}"
        if not path.exists():
            part = folder / f"part{suffix}"
            command = ["ffmpeg", "-v", "error", "-y", *source.split(), str(part)]
            subprocess.run(command, check=True, env=environment)
            part.rename(path)
        seeds.append((suffix.removeprefix("."), path.read_bytes()))
    links = [data for suffix, data in seeds if suffix in ("ogg", "opus", "spx")]
    return [*seeds, ("ogg", b"".join(links)), ("ogg", links[-1] * 3)]


def make_input(random: Random, seeds: Seeds, number: int) -> tuple[str, bytes]:
    """What kind of file it was, and what became of it."""
    turn, rest = divmod(number, 4)
    if rest == 0 and turn < CUTS * len(seeds):
        which, size = divmod(turn * SCRAMBLE % (CUTS * len(seeds)), CUTS)
        return seeds[which][0], seeds[which][1][:size]
    suffix, seed = random.choice(seeds)
    data = bytearray(seed)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8, 30))):
        mutate(random, data, random.choice(seeds)[1])
    return suffix, bytes(data)


def choose_options(random: Random, suffix: str) -> dict[str, Any]:
    """Options of decode_bytes; most of them stay at their defaults in most cases."""
    options: dict[str, Any] = {"limits": LIMITS, "dtype": random.choice([*DTYPES, None])}
    options["on_error"] = random.choice(("raise", "partial"))
    options["channels_first"] = random.random() < 0.5
    if random.random() < 0.4:
        options["sample_rate"] = random.choice([*RATES, random.randint(1, 768000)])
    if random.random() < 0.3:
        options["num_channels"] = random.choice((1, 1, 2, 2, 6, 64))
        if options["num_channels"] == 64:  # to more of these is the caller's wish, and no file's
            options["sample_rate"] = min(options.get("sample_rate", 48000), 48000)
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
        # Days of audio, as at 1 Hz, take as long as they should to go through.
        options["format_options"] = {"sample_rate": random.choice(RATES[2:]), "channels": channels}
    return options


class ShortReads(io.BytesIO):
    """A file object that answers less than asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(None if size is None else min(size, 1 + size // 3))


# What became of the calls so far.
outcomes: Counter[str] = Counter()


class TooSlowError(Exception):
    """A call took too long."""


def attempt(action: Callable[[], Any]) -> Any:
    """What a call gives or, as an object too, one of the documented errors.

    Its time is the processor's, since the machine may be busy; what waits for ever is found by the
    parent process.
    """
    start = process_time()
    outcome: Any
    try:
        outcome = action()
    except (PyffaudioError, ValueError) as error:
        if isinstance(error, ValueError) and not any(word in str(error) for word in WORDS):
            raise
        outcome = error
    outcomes[type(outcome).__name__ if isinstance(outcome, Exception) else "no error"] += 1
    if (took := process_time() - start) > SLOWEST:
        raise TooSlowError(f"took {took:.1f} s, and gave {type(outcome).__name__}")
    return outcome


def expect_same(one: Any, two: Any) -> None:
    """By whatever way a file comes, the same becomes of it."""
    same = type(one) is type(two) and getattr(one, "code", "") == getattr(two, "code", "")
    if same and isinstance(one, Audio):
        same = one.samples.shape == two.samples.shape
        same = same and one.samples.tobytes() == two.samples.tobytes()
        same = same and one.issues == two.issues and one.more == two.more
    assert same, f"{one!r}, then {two!r}"


def reported_frames(outcome: Any) -> int:
    """How many frames a call says that it has written, an error too."""
    audio = outcome if isinstance(outcome, Audio) else getattr(outcome, "partial", None)
    return audio.num_frames if audio is not None else 0


class Canvas:
    """An array with odd strides, in one that is larger: what must not change, is known."""

    def __init__(self, random: Random, frames: int, channels: int, dtype: str | None) -> None:
        step, gap = random.choice((1, 1, -1, 2, -3)), random.choice((1, 1, 2))
        shape = (frames * abs(step) + 2, channels * gap + 2)
        self.whole = np.full(shape, 77, dtype or "float32")
        across = slice(None, None, random.choice((gap, -gap)))
        self.frames: NDArray[Any] = self.whole[1:-1][::step][:frames, across][:, :channels]

    def expect_untouched(self, reported: int) -> None:
        """But for the frames reported."""
        assert np.all(self.frames[reported:] == 77), f"wrote beyond the {reported} frames reported"
        self.frames[:reported] = 77
        assert np.all(self.whole == 77), "wrote outside of the array"


class Case:
    """One input with its options, and the entry points that take it."""

    def __init__(self, random: Random, seeds: Seeds, number: int, folder: Path) -> None:
        self.random = random
        self.suffix, self.data = make_input(random, seeds, number)
        self.options = choose_options(random, self.suffix)
        self.path = folder / "case"
        self.first: Any = None

    def run(self) -> None:
        self.first = attempt(lambda: pyffaudio.decode_bytes(self.data, **self.options))
        ways = self.random.choices(
            [*ENTRY_POINTS], [*ENTRY_POINTS.values()], k=self.random.choice((1, 2))
        )
        for way in dict.fromkeys(ways):
            way(self)

    def options_but(self, *names: str) -> dict[str, Any]:
        return {name: self.options[name] for name in self.options.keys() - {*names}}

    def written(self) -> Path:
        self.path.write_bytes(self.data)
        return self.path

    # --- the same file by other ways

    def from_view(self) -> None:
        view = memoryview(bytearray(self.data))
        expect_same(self.first, attempt(lambda: pyffaudio.decode_bytes(view, **self.options)))

    def from_file_object(self) -> None:
        file = ShortReads(self.data)
        expect_same(self.first, attempt(lambda: pyffaudio.decode_file(file, **self.options)))

    def from_path(self) -> None:
        path = self.written()
        expect_same(self.first, attempt(lambda: pyffaudio.decode_file(path, **self.options)))

    def from_descriptor(self) -> None:
        with open(self.written(), "rb") as file:
            path = f"/dev/fd/{file.fileno()}"
            expect_same(self.first, attempt(lambda: pyffaudio.decode_file(path, **self.options)))

    def from_fifo(self) -> None:
        """Which cannot seek, so that another error or fewer frames may come of it."""
        fifo = self.path.with_suffix(".fifo")
        fifo.unlink(missing_ok=True)
        os.mkfifo(fifo)
        writer = Thread(target=write_fifo, args=(fifo, self.data))
        writer.start()
        try:
            attempt(lambda: pyffaudio.decode_file(fifo, **self.options))
        finally:
            os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))  # where nobody has opened it
            writer.join()

    def by_threads(self) -> None:
        options = {**self.options, "num_threads": 2}
        expect_same(self.first, attempt(lambda: pyffaudio.decode_bytes(self.data, **options)))

    def by_many(self) -> None:
        sources: list[Any] = [self.data, self.written(), ShortReads(self.data)]
        many = pyffaudio.decode_many(sources, num_workers=2, on_item_error="return", **self.options)
        for one in attempt(lambda: list(many)):
            expect_same(self.first, one)

    # --- into arrays

    def canvas(self) -> Canvas:
        """About as large as it takes, where that is known."""
        audio = self.first if isinstance(self.first, Audio) else None
        audio = audio or getattr(self.first, "partial", None)
        frames, channels = (audio.num_frames, audio.num_channels) if audio else (100, 2)
        frames = max(frames + self.random.choice((-7, 0, 7)), 0)
        return Canvas(self.random, frames, channels, self.options["dtype"])

    def into(self) -> None:
        canvas, options = self.canvas(), self.options_but("dtype")
        out = canvas.frames.T if options["channels_first"] else canvas.frames
        if canvas.frames.shape[1] == 1 and self.random.random() < 0.5:
            out = canvas.frames[:, 0]
        if self.random.random() < 0.2:
            options["num_threads"] = 2
        outcome = attempt(lambda: pyffaudio.decode_into(self.data, out, **options))
        canvas.expect_untouched(reported_frames(outcome))

    def into_batch(self) -> None:
        """Rows are as decode_into fills them alone, and padded; another row is not touched."""
        options = self.options_but("dtype")
        rows, channels = [1, 2], options.get("num_channels") or self.random.choice((1, 2))
        frames = self.random.choice((0, 1, 5000))
        canvas = Canvas(self.random, 4 * frames, channels, self.options["dtype"])
        out = canvas.frames.reshape(4, frames, channels)
        sources: list[Any] = [self.data, self.written()]
        given = out.swapaxes(1, 2) if options["channels_first"] else out
        result = attempt(
            lambda: pyffaudio.decode_batch_into(
                sources, given[1:], pad_value=3, num_workers=2, on_item_error="return", **options
            )
        )
        for row, length, error in zip(rows, result.lengths, result.errors, strict=True):
            alone = np.full_like(given[row], 3)
            outcome = attempt(lambda: pyffaudio.decode_into(self.data, alone, **options))  # noqa: B023
            assert type(outcome) is (Audio if error is None else type(error)), (outcome, error)
            assert length == reported_frames(outcome), (length, outcome)
            assert given[row].tobytes() == alone.tobytes(), "another row than by decode_into"
        out[1:3] = 77
        canvas.expect_untouched(0)

    # --- in pieces

    def with_reader(self, action: Callable[[AudioReader], Any]) -> None:
        options = self.options_but(*self.options.keys() - ReaderOptions.__optional_keys__)
        reader = attempt(lambda: AudioReader(self.data, **options))
        if isinstance(reader, AudioReader):
            with reader:
                action(reader)

    def wander(self) -> None:
        """Read here and there."""

        def action(reader: AudioReader) -> None:
            for _ in range(self.random.randrange(1, 5)):
                reader.seek(self.random.choice((0, 1, self.random.randrange(200_000), 2**62)))
                count = self.random.choice((0, 1, 5000))
                if self.random.random() < 0.5:
                    attempt(lambda: reader.read(count))  # noqa: B023
                else:
                    self.read_into(reader, count)

        self.with_reader(action)

    def read_into(self, reader: AudioReader, count: int) -> None:
        nothing = attempt(lambda: reader.read(0))
        if not isinstance(nothing, np.ndarray):
            return
        canvas = Canvas(self.random, count, reader.num_channels, nothing.dtype.name)
        out = canvas.frames.T if self.options["channels_first"] else canvas.frames
        outcome = attempt(lambda: reader.read_into(out))
        canvas.expect_untouched(outcome if isinstance(outcome, int) else reported_frames(outcome))

    def blocks(self) -> None:
        size = self.random.choice((1, 100, 4096))
        overlap = self.random.choice((0, 0, size // 2, size - 1))
        fill = self.random.choice((None, 0))
        self.with_reader(
            lambda reader: attempt(
                lambda: [*islice(reader.blocks(size, overlap=overlap, fill_value=fill), 20)]
            )
        )

    def segments(self) -> None:
        wanted = [
            (self.random.choice((0, 1, 3000, 30_000, 2**62)), self.random.choice((0, 1, 4000)))
            for _ in range(self.random.randrange(6))
        ]
        self.with_reader(lambda reader: attempt(lambda: [*reader.segments(wanted)]))

    # --- what it says of itself

    def probe(self) -> None:
        asked = {"format", "format_options", "stream_index", "limits"}
        options = self.options_but(*self.options.keys() - asked)
        exact = self.random.random() < 0.5
        attempt(lambda: pyffaudio.probe(self.data, exact=exact, **options))


# With how often each is called.
ENTRY_POINTS: dict[Callable[[Case], None], int] = {
    Case.from_view: 10,
    Case.from_file_object: 10,
    Case.from_path: 10,
    Case.from_descriptor: 2,
    Case.from_fifo: 2,
    Case.by_threads: 2,
    Case.by_many: 4,
    Case.into: 20,
    Case.into_batch: 5,
    Case.wander: 10,
    Case.blocks: 6,
    Case.segments: 6,
    Case.probe: 10,
}


def write_fifo(fifo: Path, data: bytes) -> None:
    with suppress(BrokenPipeError), open(fifo, "wb") as file:
        file.write(data)
