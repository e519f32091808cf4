"""Promise: filters give what ``ffmpeg -af`` of the same libav gives, sample for sample."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ffmpeg_command
import pyffaudio
from ffmpeg_command import encode
from pyffaudio import AudioReader, FilterError, LimitExceededError, Limits
from signals import music, quantise
from wav_bytes import wav_bytes

RATE = 44100

# graph -> channels that come out of stereo
GRAPHS = {
    "anull": 2,
    "volume=0.5": 2,
    "volume=volume=-6dB:precision=double": 2,
    "highpass=f=200": 2,
    "lowpass=f=3000:p=1": 2,
    "bandpass=f=1000:w=2:width_type=q": 2,
    "bandreject=frequency=50": 2,
    "equalizer=f=1000:t=h:width=200:g=-10": 2,
    "bass=g=5,treble=g=-3": 2,
    "allpass=f=500": 2,
    "biquad=b0=0.5:b1=0.2:a1=-0.3": 2,
    "highpass=f=200,loudnorm": 2,
    "loudnorm=I=-16:TP=-1.5:LRA=11": 2,
    "dynaudnorm": 2,
    "dynaudnorm=f=100:g=5": 2,
    "atempo=1.5": 2,
    "atempo=0.8": 2,
    "silenceremove=start_periods=1:start_threshold=-40dB": 2,
    "silenceremove=stop_periods=-1:stop_duration=0.05:stop_threshold=-30dB": 2,
    "aresample=16000": 2,
    "aresample=48000:filter_size=64": 2,
    "pan=mono|c0=0.5*c0+0.5*c1": 1,
    "pan=stereo|FL=FR|FR=FL": 2,
    "adelay=50|120": 2,
    "adelay=delays=1000S:all=1": 2,
    "areverse": 2,
    "afade=t=in:d=0.5,afade=t=out:st=1:d=0.5": 2,
    "afade=t=in:ss=0:d=0.3:curve=qsin": 2,
    "compand=attacks=0.1:points=-80/-80|-30/-10|0/-3": 2,
    "acompressor=threshold=0.1:ratio=4": 2,
    "agate": 2,
    "alimiter=limit=0.5": 2,
    "asetrate=22050": 2,
    "asetrate=48000,aresample=44100": 2,
    "aecho=0.8:0.9:60:0.3": 2,
    "flanger": 2,
    "aphaser": 2,
    "tremolo=f=5:d=0.6": 2,
    "apulsator=hz=1": 2,
    "acrusher=bits=6:mode=log": 2,
    "extrastereo=m=2": 2,
    "stereotools=mlev=0.5": 2,
    "stereowiden": 2,
    "crossfeed": 2,
    "earwax": 2,
    "haas": 2,
    "asubboost": 2,
    "acontrast": 2,
    "crystalizer": 2,
    "dcshift=0.1": 2,
    "aexciter": 2,
    "deesser": 2,
    "anequalizer=c0 f=1000 w=200 g=-10 t=1|c1 f=3000 w=500 g=5": 2,
    "superequalizer=1b=4:5b=0.5": 2,
    "firequalizer=gain_entry='entry(0,0);entry(250,-5);entry(4000,3)'": 2,
    "afftdn=nr=12": 2,
    "asoftclip=type=tanh": 2,
    "aeval='val(0)*0.5|val(1)*-1':c=same": 2,
    "aformat=sample_fmts=s16:sample_rates=22050:channel_layouts=mono": 1,
    "channelmap=map=1|0": 2,
    "atrim=start=0.3:end=1.1": 2,
    "atrim=end_sample=1000": 2,
    "apad=pad_len=1000": 2,
    "apad=whole_dur=3": 2,
    "aloop=loop=2:size=1000:start=500": 2,
    "asetnsamples=n=1000:p=1": 2,
    "asplit[a][b];[a]volume=0.5[c];[c][b]amix=inputs=2": 2,
    "asplit[a][b];[b]lowpass=f=500,adelay=100|9[c];[a][c]amix=weights=1 0.5": 2,
    "channelsplit[l][r];[l]highpass=f=1000[l2];[l2][r]join=inputs=2:channel_layout=stereo": 2,
    "[in]acrossover=split=1500[lo][hi];[lo]volume=2[lo2];[lo2][hi]amix=normalize=0[out]": 2,
    "asplit[m][s];[m][s]sidechaincompress": 2,
    "astats=metadata=1,volumedetect": 2,
    "volume='if(lt(t,0.5),0.2,1)':eval=frame": 2,
}


@pytest.fixture(scope="session")
def song_16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of something like music, quiet in its middle."""
    signal = music(2 * RATE)
    signal[RATE // 2 : RATE] /= 400
    path = tmp_path_factory.mktemp("filters") / "song.flac"
    return encode(path, quantise(signal, "int16"), RATE)


def allowed(graph: str) -> bool:
    """Whether this FFmpeg has no filter in it that would be refused."""
    return "dynaudnorm" not in graph or "dynaudnorm" in pyffaudio.filters()


@pytest.mark.parametrize("graph", [graph for graph in GRAPHS if allowed(graph)])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_as_the_command(song_16: Path, graph: str, dtype: str) -> None:
    expected = ffmpeg_command.decode(song_16, dtype, GRAPHS[graph], "-af", graph)
    audio = pyffaudio.decode_file(song_16, filters=graph, dtype=dtype)
    assert len(expected)
    assert audio.num_channels == GRAPHS[graph]
    np.testing.assert_array_equal(audio.samples, expected)


# The same graphs in other words: whatever FFmpeg makes of them, so do we.
WORDS = [
    " volume = 0.5 ",
    "volume\n=\n0.5\t,\tareverse",
    "volume=volume=0.5:precision='float'",
    "volume='0.5'",
    "volume=0\\.5",
    "volume='volume=0.5:eval=once'",
    "volume=volume='0.25*2'",
    "volume@loud=0.5,volume@quiet=0.5",
    "aeval='val(0)*1|val(1)'",
    "aeval=exprs=min(val(0)\\,0.1)|val(1):c=same",
    "aeval='exprs=min(val(0),0.1)|val(1):c=same'",
    "afade = t = in : d = 0.5",
    "adelay='100|200':all=0",
    "[a] volume=0.5 [b] ; [b] areverse [c]",
    "[in]volume=0.5,areverse[out]",
    "asplit [a] [b] ; [a] [b] amix",
    "asplit[a][b];[a][b]amix",
    "asplit,amix",
    "asplit[x]  ,[x]amix",
    "highpass=200:2",
    "highpass=200:p=1",
    "atempo=1.25,volume=volume=0.5:enable='between(t,0.2,0.6)'",
]


@pytest.mark.parametrize("graph", WORDS)
def test_strings_are_taken_as_the_command_takes_them(song_16: Path, graph: str) -> None:
    expected = ffmpeg_command.decode(song_16, "float32", 2, "-af", graph)
    audio = pyffaudio.decode_file(song_16, filters=graph)
    np.testing.assert_array_equal(audio.samples, expected)


@pytest.mark.parametrize("graph", ["asplit;anull", "asplit[x],anull", "anull[a];[b]anull"])
def test_strings_that_the_command_refuses_too(song_16: Path, graph: str) -> None:
    with pytest.raises(AssertionError, match="rror"):
        ffmpeg_command.decode(song_16, "float32", 2, "-af", graph)
    with pytest.raises(FilterError):
        pyffaudio.decode_file(song_16, filters=graph)


def test_every_way_of_decoding(song_16: Path) -> None:
    """A file, bytes, a file object, into an array, many, a batch and a reader give the same."""
    graph = "highpass=f=200,atempo=1.1,areverse"
    whole = pyffaudio.decode_file(song_16, filters=graph)
    assert whole.num_frames == pytest.approx(2 * RATE / 1.1, abs=500)
    data = song_16.read_bytes()
    out = np.full((whole.num_frames + 5, 2), 9, np.float32)
    into = pyffaudio.decode_into(song_16, out, filters=graph)
    batch = np.zeros((2, *out.shape), np.float32)
    filled = pyffaudio.decode_batch_into([song_16, data], batch, filters=graph, num_workers=2)
    many = list(pyffaudio.decode_many([song_16, data], filters=graph))
    with song_16.open("rb") as file, AudioReader(data, filters=graph) as reader:
        blocks = np.concatenate(list(reader.blocks(1000)))
        found = [
            pyffaudio.decode_bytes(data, filters=graph).samples,
            pyffaudio.decode_file(file, filters=graph).samples,
            into.samples,
            *(audio.samples for audio in many if isinstance(audio, pyffaudio.Audio)),
            *(row[:length] for row, length in zip(batch, filled.lengths, strict=True)),
            blocks,
        ]
        reader.seek(777)
        np.testing.assert_array_equal(reader.read(1000), whole.samples[777:1777])
        reader.seek(10)
        np.testing.assert_array_equal(reader.read(1000), whole.samples[10:1010])
        assert reader.num_frames == whole.num_frames
    for samples in found:
        np.testing.assert_array_equal(samples, whole.samples)
    assert np.all(out[whole.num_frames :] == 9)


@pytest.mark.parametrize("suffix", ["flac", "wav", "mp3", "ogg", "m4a"])
@pytest.mark.parametrize(
    "cut", [(0.25, 1.1), (0.7, None), (-0.9, -0.2), (1.2, 9), (5, 6), (0, 0.1)]
)
def test_seconds_cut_what_goes_in(
    tmp_path: Path, suffix: str, cut: tuple[float, float | None]
) -> None:
    """They are not the slice of the whole then, but the filtered slice."""
    # Without noise substitution, which is drawn anew each time.
    options = ("-aac_pns", "0") if suffix == "m4a" else ()
    path = encode(tmp_path / f"song.{suffix}", quantise(music(2 * RATE), "int16"), RATE, *options)
    graph = "areverse,aecho=0.8:0.9:60:0.3"
    piece = pyffaudio.decode_file(path, dtype=None, start_seconds=cut[0], stop_seconds=cut[1])
    cut_first = pyffaudio.decode_file(
        path, filters=graph, start_seconds=cut[0], stop_seconds=cut[1]
    )
    expected = pyffaudio.decode_bytes(wav_bytes(piece.samples, RATE), filters=graph)
    np.testing.assert_array_equal(cut_first.samples, expected.samples)


@given(
    rate=st.sampled_from([None, 8000, 16000, 48000]),
    channels=st.sampled_from([None, 1, 2]),
    dtype=st.sampled_from(["int8", "uint8", "int16", "int32", "float32", "float64", None]),
    channels_first=st.booleans(),
)
def test_options_hold_for_what_comes_out(
    song_16: Path, rate: int | None, channels: int | None, dtype: str | None, channels_first: bool
) -> None:
    """As if what comes out had been stored in a file, and that been decoded."""
    graph = "asetrate=22050,pan=3c|c0=c0|c1=c1|c2=0.5*c0,aformat=channel_layouts=2.1"
    audio = pyffaudio.decode_file(
        song_16,
        filters=graph,
        sample_rate=rate,
        num_channels=channels,
        dtype=dtype,
        channels_first=channels_first,
    )
    assert audio.sample_rate == (rate or 22050)
    assert audio.num_channels == (channels or 3)
    assert audio.num_frames == -(-2 * RATE * (rate or 22050) // 22050)
    assert audio.samples.dtype == (dtype or "int16")
    shape = (audio.num_frames, audio.num_channels)
    assert audio.samples.shape == (shape[::-1] if channels_first else shape)
    if rate is None:
        other = pyffaudio.decode_file(song_16, filters=graph, dtype=dtype)
        if channels is None:
            same = audio.samples.T if channels_first else audio.samples
            np.testing.assert_array_equal(same, other.samples)


def test_filters_go_on_where_the_stream_changes(tmp_path: Path) -> None:
    """A chained Ogg of two rates: the first part's tail comes out, and the second is filtered."""
    first = encode(tmp_path / "a.ogg", quantise(music(RATE), "int16"), RATE).read_bytes()
    second = encode(
        tmp_path / "b.ogg", quantise(music(22050, 1, 22050), "int16"), 22050
    ).read_bytes()
    plain = [pyffaudio.decode_bytes(each, filters="areverse") for each in (first, second)]
    both = pyffaudio.decode_bytes(first + second, filters="areverse")
    np.testing.assert_array_equal(both.samples[: plain[0].num_frames], plain[0].samples)
    assert both.num_frames == RATE + RATE
    assert [issue.code for issue in both.issues] == ["params_changed"]


def test_damage_is_told_in_the_time_of_what_goes_in(song_16: Path) -> None:
    data = bytearray(song_16.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    whole = pyffaudio.decode_bytes(data, on_error="partial")
    filtered = pyffaudio.decode_bytes(
        data, on_error="partial", filters="volume=0.5,adelay=500:all=1"
    )
    assert whole.issues
    assert filtered.issues == whole.issues
    later = pyffaudio.decode_bytes(data, on_error="partial", filters="anull", start_seconds=0.1)
    assert later.issues[0].frame_offset == whole.issues[0].frame_offset - RATE // 10
    with pytest.raises(pyffaudio.CorruptAudioError):
        pyffaudio.decode_bytes(data, filters="areverse")


@pytest.mark.parametrize("graph", ["asetrate=22050", "atempo=2", "adelay=3000:all=1", "areverse"])
def test_a_reader_tells_damage_once(song_16: Path, graph: str) -> None:
    data = bytearray(song_16.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    errors, frames = 0, 0
    with AudioReader(data, filters=graph) as reader:
        for _ in range(200):
            try:
                block = reader.read(4000)
            except pyffaudio.CorruptAudioError as error:
                errors += 1
                block = error.partial.samples if error.partial else np.zeros((0, 2))
            frames += len(block)
            if len(block) < 4000:
                break
    whole = pyffaudio.decode_bytes(data, filters=graph, on_error="partial")
    assert whole.complete is False
    assert (errors, frames) == (1, whole.num_frames)
    with pytest.raises(pyffaudio.CorruptAudioError):
        pyffaudio.decode_into(data, np.zeros((1000, 2), np.float32), filters="areverse")
    cut = pyffaudio.decode_bytes(data, filters="anull", start_seconds=-0.1)
    assert cut.complete is None


@pytest.mark.parametrize("cut", [(-0.5, None), (0, 1.5), (0.5, 1.5), (1.2, 1.4), (0.2, 0.4)])
def test_seconds_cut_a_stream_whose_rate_changes(
    tmp_path: Path, cut: tuple[float, float | None]
) -> None:
    first = encode(tmp_path / "a.ogg", quantise(music(RATE), "int16"), RATE).read_bytes()
    second = encode(
        tmp_path / "b.ogg", quantise(music(22050, 2, 22050), "int16"), 22050
    ).read_bytes()
    start, stop = cut
    plain = pyffaudio.decode_bytes(first + second, start_seconds=start, stop_seconds=stop)
    filtered = pyffaudio.decode_bytes(
        first + second, filters="anull", start_seconds=start, stop_seconds=stop
    )
    assert filtered.num_frames == pytest.approx(plain.num_frames, abs=2)
    if start >= 0 and stop is not None and stop < 1:
        np.testing.assert_array_equal(filtered.samples, plain.samples)


def test_a_graph_that_failed_is_not_used_again(tmp_path: Path) -> None:
    """A chained Ogg of stereo, then mono, of which the graph takes only the first."""
    stereo = encode(tmp_path / "a.ogg", quantise(music(RATE), "int16"), RATE).read_bytes()
    mono = encode(tmp_path / "b.ogg", quantise(music(RATE, 1), "int16"), RATE).read_bytes()
    graph = "[in]channelmap=map=1[x];hilbert[h];[x][h]amix,aselect=0"
    with AudioReader(stereo + mono, filters=graph) as reader:
        for _ in range(3):
            with pytest.raises(FilterError):
                reader.read(1000)
    wide = "asplit[a][b];[a][b]amerge,atrim=start=1.2"
    limits = Limits(max_channels=2)
    with AudioReader(mono + stereo, filters=wide, limits=limits) as reader:
        for _ in range(3):
            with pytest.raises(LimitExceededError, match="max_channels"):
                reader.read(1000)


def test_limits_hold(song_16: Path) -> None:
    def limited(graph: str, **limits: float) -> None:
        pyffaudio.decode_file(song_16, filters=graph, limits=Limits(**limits))  # type: ignore[arg-type]

    with pytest.raises(LimitExceededError, match="max_bytes"):
        limited("apad=whole_dur=100", max_bytes=1_000_000)
    with pytest.raises(LimitExceededError, match="what goes into the filters"):
        limited("areverse,atrim=end=0.1", max_bytes=100_000)
    with pytest.raises(LimitExceededError, match="max_duration"):
        limited("apad=whole_dur=100", max_duration=3)
    with pytest.raises(LimitExceededError, match="max_channels"):
        limited("pan=3c|c0=c0|c1=c1|c2=c1", max_channels=2)
    with pytest.raises(LimitExceededError, match="max_sample_rate"):
        limited("aresample=96000", max_sample_rate=48000)
    with pytest.raises(pyffaudio.DecodeTimeoutError):
        limited("aloop=loop=1000:size=80000", timeout=0.3)


def test_threads_do_not_divide_what_is_filtered(song_16: Path) -> None:
    one = pyffaudio.decode_file(song_16, filters="aecho=0.8:0.9:60:0.3")
    two = pyffaudio.decode_file(song_16, filters="aecho=0.8:0.9:60:0.3", num_threads=2)
    np.testing.assert_array_equal(one.samples, two.samples)


def test_what_cannot_be_cut_is_closed() -> None:
    """While its error is at hand too, whose traceback keeps what was opened."""
    reader, writer = os.pipe()
    os.write(writer, wav_bytes(quantise(music(1000), "int16"), RATE))
    os.close(writer)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(ValueError, match="cannot seek back") as caught:
        pyffaudio.decode_file(f"/dev/fd/{reader}", filters="anull", start_seconds=-1)
    assert os.listdir("/proc/self/fd") == before, caught.value
    os.close(reader)


def test_silence_and_nothing(tmp_path: Path) -> None:
    """No frames in: what the filters make of that comes out."""
    path = encode(tmp_path / "none.wav", np.zeros((0, 2), np.int16), 8000)
    assert pyffaudio.decode_file(path, filters="areverse").samples.shape == (0, 2)
    assert pyffaudio.decode_file(path, filters="apad=pad_len=7").samples.shape == (7, 2)


def test_what_is_no_number_goes_in_as_silence() -> None:
    samples = music(RATE).astype("float64")
    samples[1000:1010], samples[2000], samples[3000] = np.nan, np.inf, 1e300
    audio = pyffaudio.decode_bytes(wav_bytes(samples, RATE), filters="anull", dtype="float64")
    expected = samples.copy()
    expected[1000:1010], expected[2000], expected[3000] = 0, 32768, 32768
    np.testing.assert_array_equal(audio.samples, expected)
    assert "nonfinite" in {issue.code for issue in audio.issues}
