"""Promise: effects give the samples of the sox command, in memory and within limits."""

import os
import pickle
import re
import shlex
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyffaudio
import pyffaudio.sox
from pyffaudio import LimitExceededError, Limits
from pyffaudio.buffers import GrowingBuffer
from pyffaudio.sox import EffectError, apply_effects, effects
from pyffaudio.sox_effects import REFUSED
from signals import Samples, full_range, noise, quantise, sine, uniform
from sox_command import apply

RATE = 16000
FRAMES = 20_011


def _signal() -> Samples:
    """A stereo sine with a little noise, between two silences and with one inside."""
    loud = sine(FRAMES, 2, RATE) * 0.8 + 0.02 * uniform(noise(FRAMES, 2))
    loud[:2000] = loud[12_000:14_000] = loud[-1000:] = 0
    return quantise(loud, "int32")


SIGNAL = _signal()

# As on the command line of sox. Where an effect leaves another rate or number of channels, which
# the command would change back at the end, another effect says what it is to be.
CHAINS = [
    *("gain -3", "gain -n", "gain -n -3", "gain -e -6", "gain -b", "gain -B", "gain -l 10"),
    "gain -h -3 lowpass 1000 gain -r",
    *("vol 0.5", "vol -6dB", "tempo 1.1", "tempo -s 0.9", "stretch 1.3", "speed 1.5 rate 16000"),
    *("pitch 200 rate 16000", "rate 8000", "rate 44100", "rate -v 48000", "rate -q 22050"),
    *("channels 1", "channels 4", "remix 2 1", "remix 1,2", "remix -", "swap", "oops"),
    *("reverse", "repeat", "repeat 3", "norm", "norm -3", "trim 0.2 0.5", "trim 0.2 =0.9 0.1"),
    *("pad 0.1 0.2", "pad 0.1@0.5", "delay 0 0.1", "fade q 0.3 -0 0.4", "fade 0.3"),
    *("silence 1 0.1 1%", "silence 1 0.05 1% -1 0.05 1%", "vad"),
    *("lowpass 1000", "highpass -1 300", "bandpass 1000 1q", "bandreject 1000 1q", "band 1000"),
    *("allpass 1000 1q", "bass 6", "treble 6", "equalizer 1000 1q 6", "sinc 300-3000"),
    *("sinc -n 101 4k", "fir 0.1 0.2 0.4 0.2 0.1", "biquad 0.1 0.2 0.1 1 -0.5 0.2", "hilbert"),
    *("loudness", "compand 0.3,1 6:-70,-60,-20 -5 -90 0.2", "contrast", "overdrive 10"),
    'mcompand "0.005,0.1 -47,-40,-34,-34" 100 "0.003,0.05 -47,-40,-34,-34,-17,-33"',
    *("reverb", "reverb 50 50 100 100 0 2", "channels 1 reverb channels 2"),
    *("chorus 0.7 0.9 55 0.4 0.25 2 -t", "echo 0.8 0.88 60 0.4", "echos 0.8 0.7 40 0.25 63 0.3"),
    *("flanger", "phaser 0.89 0.85 1 0.24 2 -t", "tremolo 6 40", "bend 0.1,200,0.3"),
    *("dcshift 0.1", "dcshift 0.4 0.05", "downsample 2 rate 16000", "upsample 2 rate 16000"),
    *("divide", "synth 1 sine 500", "synth sine mix 300", "dither"),
    "tempo 1.2 rate 8000 channels 1 norm -1 reverse",
]
AT_44100 = ["earwax", "deemph", "riaa"]


def parsed(line: str) -> list[list[str]]:
    chain: list[list[str]] = []
    for word in shlex.split(line):
        if word in effects():
            chain.append([word])
        else:
            chain[-1].append(word)
    return chain


@pytest.mark.parametrize("line", [*CHAINS, *AT_44100])
def test_effects_equal_the_command(tmp_path: Path, line: str) -> None:
    rate = 44100 if line in AT_44100 else RATE
    before = SIGNAL.copy()
    audio = apply_effects(SIGNAL, rate, parsed(line))
    expected = np.frombuffer(apply(tmp_path / "in.raw", SIGNAL, rate, *shlex.split(line)), "<i4")
    assert audio.samples.dtype == np.int32
    np.testing.assert_array_equal(audio.samples.reshape(-1), expected)
    np.testing.assert_array_equal(SIGNAL, before)
    info = audio.info
    assert (info.sample_rate, info.num_channels) == (audio.sample_rate, audio.num_channels)
    assert info.num_frames == audio.num_frames


def test_many_effects_have_been_compared() -> None:
    names = {effect[0] for line in (*CHAINS, *AT_44100) for effect in parsed(line)}
    assert set(effects()) - names == set()


def test_rate_and_channels_are_tracked() -> None:
    audio = apply_effects(SIGNAL, RATE, [["speed", "1.25"], ["remix", "1", "2", "1"]])
    assert (audio.sample_rate, audio.num_channels) == (20000, 3)
    assert audio.num_frames == FRAMES
    samples, rate = apply_effects(audio, effects=[["rate", "8000"], ["channels", "1"]])
    assert (samples.shape[1], rate) == (1, 8000)


# What effects are applied to.


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
def test_dtypes_go_through_int32(dtype: str) -> None:
    """Nothing is lost of integers; floats are rounded to 2**-31, and what is no number is 0."""
    samples = (SIGNAL[:300] >> 16).astype("int16") if dtype == "int16" else SIGNAL[:300]
    if dtype != "int16":
        scaled = samples / 2.0**31
        samples = quantise(scaled, dtype)
    same = apply_effects(samples, RATE, [])
    np.testing.assert_array_equal(same.samples, samples, strict=True)
    twice = apply_effects(samples, RATE, [["reverse"], ["reverse"]])
    np.testing.assert_array_equal(twice.samples, samples, strict=True)


def test_floats_beyond_full_scale_are_clipped() -> None:
    samples = np.array([1.5, -1.5, 1.0, -1.0, np.nan, np.inf, -np.inf, 2.0**-32], "float32")
    got = apply_effects(samples, RATE, []).samples[:, 0]
    np.testing.assert_array_equal(got, [1, -1, 1, -1, 0, 1, -1, 0])


@pytest.mark.parametrize("channels_first", [False, True])
def test_layouts(channels_first: bool) -> None:
    chain = [["lowpass", "1000"], ["rate", "8000"]]
    expected = apply_effects(SIGNAL, RATE, chain).samples
    strided = np.zeros((2 * FRAMES, 5), "int32")[::-2, 1:4:2]
    strided[...] = SIGNAL
    for samples in (SIGNAL, np.asfortranarray(SIGNAL), strided):
        given = samples.T if channels_first else samples
        audio = apply_effects(given, RATE, chain, channels_first=channels_first)
        got = audio.samples.T if channels_first else audio.samples
        np.testing.assert_array_equal(got, expected)
    mono = apply_effects(SIGNAL[:, 0], RATE, chain).samples
    np.testing.assert_array_equal(mono, expected[:, :1])


def test_an_audio_is_taken_as_it_is() -> None:
    audio = apply_effects(SIGNAL.T, RATE, [], channels_first=True)
    again = apply_effects(audio, effects=[["reverse"]])
    assert again.channels_first
    assert again.sample_rate == RATE
    np.testing.assert_array_equal(again.samples, SIGNAL[::-1].T)
    assert apply_effects(audio, 8000, []).sample_rate == 8000


@pytest.mark.torch
def test_a_tensor_is_taken_as_it_is() -> None:
    import torch  # noqa: PLC0415 # where it is deselected, it need not be there

    tensor = torch.from_numpy(SIGNAL)
    audio = apply_effects(tensor, RATE, [["reverse"]])
    np.testing.assert_array_equal(audio.torch().numpy(), SIGNAL[::-1])


@pytest.mark.parametrize("chain", [[], [["reverse"]], [["rate", "8000"]], [["pad", "0", "0"]]])
def test_nothing_comes_of_nothing(chain: list[list[str]]) -> None:
    audio = apply_effects(np.zeros((0, 2), "int16"), RATE, chain)
    assert audio.samples.shape == (0, 2)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros((4, 2, 1), "int16"), "shape"),
        (np.zeros((4, 0), "int16"), "channels"),
        (np.zeros((4, 65), "int16"), "channels"),
        (np.zeros(4, "int64"), "int64"),
        (np.zeros(4, "complex64"), "complex64"),
        (np.zeros(4, ">i2"), "dtype"),
    ],
)
def test_samples_that_do_not_suit(samples: Samples, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        apply_effects(samples, RATE, [])


@pytest.mark.parametrize("rate", [0, -1, 10**7, 8000.5, "8000", None])
def test_rates_that_do_not_suit(rate: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="sample_rate"):
        apply_effects(SIGNAL, rate, [])


# Errors.


def test_an_unknown_effect_names_the_nearest() -> None:
    with pytest.raises(EffectError, match=r"tempoo.*did you mean tempo\?.*allpass") as caught:
        apply_effects(SIGNAL, RATE, [["tempoo", "2"]])
    assert caught.value.effect == "tempoo"
    assert isinstance(caught.value, pyffaudio.PyffaudioError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "effect",
    [
        ["tempo", "1000"],
        ["tempo", "1", "2", "3", "4", "5"],
        ["rate", "-z", "8000"],
        ["delay", "x"],
        ["trim", "1", "x"],
        ["compand", "1"],
        ["remix", "9"],
        ["reverb", "1000"],
        ["sinc"],
        ["fade", "x"],
        ["mcompand", "0.1,0.2"],
        ["reverse", "now"],
        ["chorus", "1", "2"],
    ],
)
def test_bad_arguments_name_the_effect_and_its_usage(effect: list[str]) -> None:
    with pytest.raises(EffectError) as caught:
        apply_effects(SIGNAL, RATE, [["vol", "0.5"], effect, ["reverse"]])
    assert str(caught.value).startswith(f"effect {effect[0]}: ")
    assert caught.value.effect == effect[0]
    assert caught.value.usage == effects()[effect[0]]
    assert caught.value.usage in str(caught.value)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.effect, copy.usage) == (
        str(caught.value),
        caught.value.effect,
        caught.value.usage,
    )


def test_an_effect_that_this_signal_does_not_suit() -> None:
    with pytest.raises(EffectError, match=r"effect earwax: .*sampled at 44100Hz"):
        apply_effects(SIGNAL, RATE, [["earwax"]])


@pytest.mark.parametrize("name", [*REFUSED, "fir"])
def test_effects_that_open_write_or_print_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EffectError, match="refused"):
        apply_effects(SIGNAL, RATE, [[name, "file"]])
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr() == ("", "")
    assert name not in effects() or name == "fir"


@pytest.mark.parametrize(
    "effect",
    [
        ["mcompand", "0.005,0.1 -47,-40 0 -90 0.1"],
        ["tempo"],
        ["tempo", "-s"],
        ["tempo", "nan"],
        ["stretch", "-1"],
        ["stretch", "1", "0"],
        ["rate", "NaN"],
        ["splice", "0"],
    ],
)
def test_what_would_crash_or_hang_libsox_is_refused(effect: list[str]) -> None:
    with pytest.raises(EffectError, match="refused"):
        apply_effects(SIGNAL, RATE, [effect])


@pytest.mark.parametrize(
    "chain", ["reverse", ["reverse"], [[]], [["gain", 3]], [("gain", None)], 5, [b"gain"]]
)
def test_what_is_no_chain(chain: Any) -> None:
    with pytest.raises(TypeError):
        apply_effects(SIGNAL, RATE, chain)


def test_a_null_byte() -> None:
    with pytest.raises(EffectError, match="null byte"):
        apply_effects(SIGNAL, RATE, [["gain", "3\0"]])


def test_libsox_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    apply_effects(SIGNAL, RATE, [["gain", "60"], ["vol", "1"]])
    with pytest.raises(EffectError):
        apply_effects(SIGNAL, RATE, [["gain", "x"]])
    assert capfd.readouterr() == ("", "")


def test_the_refused_are_those_documented() -> None:
    page = (Path(__file__).parent.parent / "docs/sox.md").read_text()
    table = page.split("### Refused")[1].split("###")[0]
    cells = "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))
    listed = set(re.findall(r"`([a-z]+)`", cells))
    assert listed - {"fir", "mcompand", "tempo", "stretch", "nan"} == set(REFUSED)


# Limits, and calls that end early.


@pytest.mark.parametrize(
    "chain",
    [
        [["repeat", "-"]],
        [["pad", "10000"]],
        [["repeat", "-"], ["reverse"]],
        [["repeat", "-"], ["norm"]],
        [["repeat", "1000"], ["gain", "-n"], ["trim", "0", "1"]],
        [["rate", "768000"]],
    ],
)
def test_more_than_the_limits_allow(chain: Sequence[Sequence[str]]) -> None:
    """Also where an effect would put all of it into a file before it gave any."""
    limits = Limits(max_bytes=1_000_000)
    with pytest.raises(pyffaudio.LimitExceededError, match=r"Limits\(max_bytes=") as caught:
        apply_effects(SIGNAL, RATE, chain, limits=limits)
    assert caught.value.limit == "max_bytes"


def test_a_result_longer_than_allowed() -> None:
    with pytest.raises(pyffaudio.LimitExceededError, match=r"Limits\(max_duration="):
        apply_effects(SIGNAL, RATE, [["repeat", "-"]], limits=Limits(max_duration=3))


@pytest.mark.parametrize(
    ("effect", "limit"),
    [
        (["rate", "1e9"], "max_sample_rate"),
        (["speed", "9"], "max_sample_rate"),
        (["remix"] + ["1"] * 9, "max_channels"),
    ],
)
def test_rates_and_channels_beyond_the_limits(effect: list[str], limit: str) -> None:
    limits = Limits(max_sample_rate=48000, max_channels=8)
    with pytest.raises(pyffaudio.LimitExceededError, match=limit):
        apply_effects(SIGNAL, RATE, [effect], limits=limits)


ENDLESS = [["repeat", "-"], ["trim", "1000000000"]]  # gives nothing, for ever


def test_a_timeout_ends_what_gives_nothing() -> None:
    before = time.monotonic()
    with pytest.raises(pyffaudio.DecodeTimeoutError, match="timeout"):
        apply_effects(SIGNAL, RATE, ENDLESS, limits=Limits(timeout=0.2))
    assert time.monotonic() - before < 2


def test_a_signal_ends_what_gives_nothing() -> None:
    def raise_error(*_: object) -> None:
        raise KeyError("from a signal")

    before = signal.signal(signal.SIGALRM, raise_error)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyError, match="from a signal"):
            apply_effects(SIGNAL, RATE, ENDLESS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_other_threads_run_meanwhile() -> None:
    turns = 0
    done = threading.Event()

    def run() -> None:
        with pytest.raises(pyffaudio.DecodeTimeoutError):
            apply_effects(SIGNAL, RATE, ENDLESS, limits=Limits(timeout=0.3))
        done.set()

    thread = threading.Thread(target=run)
    thread.start()
    apply_effects(SIGNAL, RATE, [["lowpass", "1000"]])  # has its turn between two steps
    while not done.wait(0.001):
        turns += 1
    thread.join()
    assert turns > 20


def test_memory_that_cannot_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("there is no more")

    monkeypatch.setattr(GrowingBuffer, "grow", fail)
    with pytest.raises(MemoryError, match="there is no more"):
        apply_effects(SIGNAL, RATE, [["repeat", "-"]])
    assert sys.exc_info() == (None, None, None)


def test_arrays_that_must_not_be_written() -> None:
    samples = full_range(1000, 2, "int16")
    expected = apply_effects(samples, 8000, [["reverse"]]).samples
    fixed = np.frombuffer(samples.tobytes(), "int16").reshape(-1, 2)
    np.testing.assert_array_equal(apply_effects(fixed, 8000, [["reverse"]]).samples, expected)
    wide = np.broadcast_to(samples[:, :1], (1000, 2))
    assert apply_effects(wide, 8000, [["reverse"]]).num_channels == 2


@pytest.mark.parametrize(
    ("rate", "effect"),
    [
        (100, ["tempo", "1.1"]),
        (9, ["stretch", "1.3"]),
        (100, ["reverb"]),
        (8000, ["stretch", "-1x"]),
        (8000, ["stretch", "nanx"]),
        (8000, ["tempo", "1.1x"]),
        (16000, ["phaser", "0.8", "0.7", "0.02", "0.4", "0.5"]),
        (16000, ["mcompand", "0.005,0.1 -47,-40,-34,-34", "9000", "0.003,0.05 -47,-40"]),
        (8000, ["gain", "\udcff"]),
        (8000, ["rate", "0.5"]),
    ],
)
def test_what_would_end_the_process_is_refused(rate: int, effect: list[str]) -> None:
    with pytest.raises(EffectError, match=effect[0]):
        apply_effects(full_range(1000, 1, "int16"), rate, [effect])


def test_a_delay_that_does_not_fit() -> None:
    with pytest.raises(LimitExceededError, match="max_bytes"):
        apply_effects(
            np.zeros(10, "int16"), 16000, [["delay", "1000000"]], limits=Limits(max_bytes=50 << 20)
        )
