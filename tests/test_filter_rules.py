"""Promise: no filter string opens a file, a device or a socket, and what is wrong is said where."""

import contextlib
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyffaudio
from pyffaudio import FilterError
from pyffaudio.filter_plan import MAY_NAME_A_FILE
from pyffaudio.filter_rules import REFUSED_FILTERS
from pyffaudio.filter_string import split_arguments, split_graph
from pyffaudio.native import options_of_filter
from signals import full_range
from wav_bytes import wav_bytes

WAV = wav_bytes(full_range(5000, 2, "int16"), 8000)

WRONG = {
    "": (0, "name is missing"),
    "highpas": (0, "did you mean highpass?"),
    "volume=1,nosuchthing=3": (9, "no such audio filter: 'nosuchthing'"),
    "anull,highpass=f=loud": (6, "highpass: f='loud': "),
    "highpass=fx=1": (0, "highpass: fx='1': Option not found"),
    "highpass=f=1:200": (0, "'200' has no option's name before it"),
    "anull=1": (0, "'1' has no option's name before it"),
    "volume=1,": (9, "name is missing"),
    "volume=1;;anull": (9, "name is missing"),
    "[a": (0, "a label without"),
    "[]anull": (0, "a label without"),
    "anull=]": (6, r"'\]' where"),
    "amix=inputs=2": (0, "2 inputs and 1 outputs"),
    "asplit": (0, "1 inputs and 2 outputs"),
    "anull,[a]anull": (9, "no more than 1 inputs"),
    "anull[a][b]": (0, "no more than 1 outputs"),
    "showwaves": (0, "no such audio filter"),
    "anull\0": (5, "null byte"),
    "a" * 20000: (0, "more than 16384"),
    ",".join(["anull"] * 300): (0, "more than 256"),
    "aformat=sample_fmts=nosuch": (0, "aformat"),
    "[x]amix[y];[y]asplit[x][out]": (0, "in a circle"),
    "apad": (0, "for ever: give it pad_len or"),
    "apad=pad_len=10:enable=0": (0, "enable is not allowed"),
    "aloop=loop=-1:size=10": (0, "loop must be from 0"),
    "aloop=loop=2:size=1e9": (0, "size must be from 0"),
    "asplit=100000": (0, "outputs must be from 1 to 64"),
    "aselect=n=1e6:e=1": (0, "outputs must be from 1 to 64"),
    "asetrate=10": (0, "sample_rate must be from 1000"),
    "asetrate=r=10": (0, "sample_rate must be from 1000"),
    "aresample=500": (0, "sample_rate must be from 1000"),
    "aresample=osr=500": (0, "out_sample_rate must be from 1000"),
    "aresample=16000:async=1": (0, "async is not allowed"),
    "aresample=16000:tsf=s64p": (0, "tsf is not allowed"),
    "aformat=r=10|16000": (0, "r must be from 1000"),
    "aformat=sample_rates=0": (0, "sample_rates must be from 1000"),
    "adelay=999999999999S": (0, "delays must be of at most"),
    "channelmap=channel_layout=100C": (0, "channel_layout must be a layout of at most 64"),
    "channelmap=channel_layout=65c": (0, "channel_layout must be a layout of at most 64"),
    "channelmap=channel_layout=ambisonic 9": (0, "channel_layout must be a layout of at most 64"),
    "compand=attacks=x:decays=x": (0, "attacks must be numbers"),
    "asetnsamples=n=100:enable='gt(n,1)'": (0, "enable is not allowed"),
    "crossfeed=block_size=3276": (0, "block_size is not allowed"),
    "hilbert=r=5[h];[h]amix": (0, "sample_rate must be from 1000"),
    "afftfilt=win_size=79183": (0, "win_size must be a power of two"),
    "aresample=44101:filter_size=4096": (0, "filter_size must be from 0 to 256"),
    "atempo,atempo,atempo,atempo,atempo": (28, "atempo is allowed 4 times"),
    "volume=1:threads=2": (0, "threads is not allowed"),
    "volume=1:extra_hw_frames=2": (0, "extra_hw_frames is not allowed"),
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:30])
def test_what_is_wrong_is_said_where(text: str) -> None:
    place, words = WRONG[text]
    with pytest.raises(FilterError, match=words) as caught:
        pyffaudio.decode_bytes(WAV, filters=text)
    assert caught.value.place == place
    assert f"at character {place}" in str(caught.value)
    assert caught.value.code == "filters"


def test_nothing_is_opened_for_a_wrong_string(tmp_path: Path) -> None:
    with pytest.raises(FilterError):
        pyffaudio.decode_file(tmp_path / "missing.wav", filters="nosuch")


def test_what_the_audio_does_not_suit() -> None:
    with pytest.raises(FilterError, match="cannot take this audio") as caught:
        pyffaudio.decode_bytes(WAV, filters="channelmap=map=6")
    assert caught.value.place is None
    assert caught.value.code == "filters_failed"


@pytest.mark.parametrize("layout", ["stereo", "2.1", "5.1(side)", "FL+FR", "64C", "0x3"])
def test_layouts_that_are_not_too_wide(layout: str) -> None:
    """The file's two channels do not suit all of them: that is not a fault of the string."""
    place = None
    try:
        pyffaudio.decode_bytes(WAV, filters=f"channelmap=channel_layout={layout}")
    except FilterError as error:
        place = error.place
    assert place is None


@pytest.mark.parametrize("name", REFUSED_FILTERS)
def test_refused_filters(name: str, tmp_path: Path) -> None:
    assert name not in pyffaudio.filters()
    for text in (f"{name}={tmp_path}/x", f"anull,{name}@a", f"anull[x];[x]{name}=filename=x"):
        with pytest.raises(FilterError, match=re.escape(REFUSED_FILTERS[name])):
            pyffaudio.decode_bytes(WAV, filters=text)


FILES = [("firequalizer", "dumpfile"), ("loudnorm", "stats_file")]


@pytest.mark.parametrize(("name", "key"), FILES)
def test_options_that_name_a_file(name: str, key: str, tmp_path: Path) -> None:
    target = tmp_path / "written"
    for spelled in (key, f" {key} "):
        with pytest.raises(FilterError, match="writes a file"):
            pyffaudio.decode_bytes(WAV, filters=f"{name}={spelled}={target}")
    for place in range(20):  # without its name
        unnamed = ":".join(["0"] * place + [str(target)])
        with pytest.raises(FilterError):
            pyffaudio.decode_bytes(WAV, filters=f"{name}={unnamed}")
    assert not target.exists()


def test_no_other_option_sounds_like_a_file() -> None:
    """A new one, of a newer FFmpeg, is refused until someone has looked at it."""
    found = {
        (name, option)
        for name in pyffaudio.filters()
        for option, _ in options_of_filter(name.encode())
        if MAY_NAME_A_FILE.search(option)
    }
    assert found <= {*FILES, ("firequalizer", "dumpscale")}


@pytest.mark.parametrize(
    "value",
    [
        "while(1\\,1)",
        "'while(1,1)'",
        "'w h i l e (1,1)'",
        "wh\\\\ile(1\\,1)",
        "'1+taylor(1,1,0)'",
        "'root(1,1)'",
        "'while.x(1,1)'",
        "'while!~ (1,1)'",
        "'clip(clip(clip(clip(clip(1,0,1),0,1),0,1),0,1),0,1)'",
        "1" * 5000,
    ],
)
@pytest.mark.parametrize(
    "graph",
    ["volume={}:eval=frame", "aeval={}", "volume=1:enable={}", "volume=1:replaygain_preamp={}"],
)
def test_expressions_that_may_never_end(graph: str, value: str) -> None:
    start = time.monotonic()
    with pytest.raises(FilterError, match=r"not allowed|characters"):
        pyffaudio.decode_bytes(WAV, filters=graph.format(value))
    assert time.monotonic() - start < 5


def test_rates_that_filters_are_not_made_for() -> None:
    slow = wav_bytes(full_range(5000, 1, "int16"), 500)
    with pytest.raises(FilterError, match="less than 1000 Hz"):
        pyffaudio.decode_bytes(slow, filters="atempo")


def test_the_list_of_filters() -> None:
    found = pyffaudio.filters()
    assert {"highpass", "loudnorm", "atempo", "pan", "aresample", "amix"} <= set(found)
    assert not {"volumedetect2", "scale", "movie", "abuffer", "showwaves"} & set(found)
    assert all(words for words in found.values())
    assert list(found) == sorted(found)


@given(st.text("ab=,;[]:'\\ \n@|0.", max_size=30))
def test_no_string_is_too_strange(text: str) -> None:
    """Each is a graph or a FilterError; never anything else."""
    places = []
    try:
        for part in split_graph(text):
            assert part.name
            places.append(part.place)
            with contextlib.suppress(ValueError):
                split_arguments(part.arguments, ["a", "b"])
    except FilterError as error:
        places.append(error.place or 0)
    assert all(0 <= place <= len(text) for place in places)


_NAMES = sorted(pyffaudio.filters())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(_NAMES),
            st.text("0123456789.-|:=abcdefgt'", max_size=12),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_filter_with_any_arguments(filters: list[tuple[str, str]]) -> None:
    text = ",".join(f"{name}={arguments}" if arguments else name for name, arguments in filters)
    limits = pyffaudio.Limits(timeout=5, max_bytes=1 << 22)
    with contextlib.suppress(pyffaudio.PyffaudioError, MemoryError):
        pyffaudio.decode_bytes(WAV, filters=text, limits=limits)
