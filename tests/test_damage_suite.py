"""Promise: of every format, what its bytes can tell of damage is told, and the rest is given.

The table is in damage.py; docs/damage.md prints it.
"""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import ffmpeg_command
import pyffaudio
from damage import CUTS, FATES, OVERWRITES, TABLE, WAYS, Damage, audio_bytes, row, whole
from pyffaudio import Audio, CorruptAudioError, Issue
from pyffaudio.options import DecodeOptions
from signals import Samples
from zoo import ROOT, ZOO, Zoo

FATAL = {"corrupt_data", "truncated", "gap"}
# With their container's own names, which nothing but a path's suffix gives away.
NAMED = {"gsm", "sbc", "truehd", "mlp", "g722", "g726", "g726le"}
# Where a part of an Ogg file is lost, its page is: up to a second of these three.
NEAR = 0.36
# Frames: what a total may count of delay and padding that decoding leaves out, or a header of ASF
# or of remuxed Matroska be wrong by.
ROUNDING, ROUNDING_OF = 1250, {"asf": 2100}
# Frames: a cut last frame is found in the last packets, the longest of them FLAC's.
LAST = 4608
ASKED = {"whole", "cut_50", "over_3000", "splice", "twice"}


@dataclass(repr=False)
class Outcome:
    """A damaged file, and what was made of it."""

    damage: Damage
    partial: Audio | None  # None: it could not be opened
    raised: CorruptAudioError | None  # by default
    ffmpeg_frames: int | None  # None: it was not asked

    @property
    def issues(self) -> tuple[Issue, ...]:
        return () if self.partial is None else self.partial.issues

    @property
    def codes(self) -> set[str]:
        return {issue.code for issue in self.issues}

    @property
    def damaged(self) -> bool:
        return self.partial is None or bool(self.codes & FATAL)

    def __str__(self) -> str:
        if self.partial is None:
            return f"not opened: {self.raised.code if self.raised else None}"
        found = [f"{it.code}@{it.frame_offset}+{it.num_frames}" for it in self.issues[:4]]
        if len(self.issues) > 4:
            found.append(f"and {len(self.issues) - 4} more")
        counts = f"{self.partial.num_frames} frames (ffmpeg {self.ffmpeg_frames})"
        return f"{counts}, complete {self.partial.complete}, {', '.join(found) or 'no issues'}"


@dataclass(repr=False)
class Case:
    """A specimen, whole and damaged in each way."""

    name: str
    whole: Audio
    whole_ffmpeg_frames: int
    outcomes: dict[str, Outcome]

    def __repr__(self) -> str:
        return self.name

    def broken(self, way: str, what: str) -> str:
        """A promise that was not kept, in a line."""
        whole = f"of {self.whole.num_frames} ({self.whole.complete})"
        return f"{self.name} {way}: {what}: {self.outcomes[way]} {whole}"


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """All specimens in all ways; the ffmpeg command is asked about those where it can matter."""
    zoo = Zoo(tmp_path_factory.mktemp("damage"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        originals = dict(
            zip(FATES, pool.map(lambda name: whole_file(name, zoo), FATES), strict=True)
        )
        damages = {
            (name, way): make(audio_bytes(originals[name]))
            for name, (way, make) in product(FATES, {"whole": whole, **WAYS}.items())
        }
        attempts = pool.map(lambda key: attempt(key[0], damages[key].data), damages)
        decoded = dict(zip(damages, attempts, strict=True))
        asked = [key for key, it in decoded.items() if key[1] in ASKED or it[0] is None]
        counts = pool.map(lambda key: ffmpeg_frames(key, damages[key].data, zoo), asked)
        frames = dict(zip(asked, counts, strict=True))
    result = {}
    for name in FATES:
        audio = decoded[name, "whole"][0]
        assert audio is not None
        outcomes = {
            way: Outcome(damages[name, way], *decoded[name, way], frames.get((name, way)))
            for way in WAYS
        }
        result[name] = Case(name, audio, frames[name, "whole"] or 0, outcomes)
    return result


@pytest.fixture(params=FATES)
def case(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    return cases[request.param]


def whole_file(name: str, zoo: Zoo) -> Path:
    """The specimen; Matroska in clusters of half a second, which is where reading goes on."""
    path = zoo[name]
    if ZOO[name].container != "matroska":
        return path
    clusters = path.with_name(f"clusters_{path.name}")
    short = ("-c", "copy", "-cluster_time_limit", "500", "-fflags", "+bitexact")
    ffmpeg_command.ffmpeg("-i", path, *short, clusters)
    return clusters


def ffmpeg_frames(key: tuple[str, str], data: bytes, zoo: Zoo) -> int | None:
    """How many frames the ffmpeg command recovers, whatever it thinks of the file."""
    name, way = key
    it = ZOO[name]
    if way in CUTS and FATES[name].cut == "header":
        return None  # there is nothing to ask
    path = zoo.folder / f"{way}_{name}{it.suffix}"
    path.write_bytes(data)
    form = ("-f", it.container) if it.container in NAMED else ()
    command = [ffmpeg_command.ORACLE, "-v", "quiet", "-nostdin", *form, "-i", path, "-map", "0:a:0"]
    raw = [*command, "-ac", str(it.channels), "-c:a", "pcm_u8", "-f", "u8", "-"]
    done = subprocess.run(raw, stdout=subprocess.PIPE, check=False)
    path.unlink()
    return len(done.stdout) // it.channels


def attempt(name: str, data: bytes) -> tuple[Audio | None, CorruptAudioError | None]:
    """What both settings of `on_error` give; an exception of no other kind is expected."""
    options: DecodeOptions = {"dtype": None}
    if ZOO[name].container in NAMED:
        options["format"] = ZOO[name].container
    try:
        return pyffaudio.decode_bytes(data, **options), None
    except CorruptAudioError as error:
        options["on_error"] = "partial"
        try:
            return pyffaudio.decode_bytes(data, **options), error
        except CorruptAudioError:
            return None, error


def test_an_error_is_raised_for_a_fatal_issue_and_for_no_other(case: Case) -> None:
    """And by default it has what `on_error="partial"` gives."""
    broken = []
    for way, it in case.outcomes.items():
        if it.damaged != (it.raised is not None):
            broken.append(case.broken(way, "raised" if it.raised else "not raised"))
        if it.partial is not None and (it.partial.complete is False) != it.damaged:
            broken.append(case.broken(way, "complete is not what the issues say"))
        if it.partial is not None and it.raised is not None:
            assert it.raised.partial is not None
            assert it.raised.issues == it.issues
    assert not broken, "\n".join(broken)


def test_what_is_complete_has_every_frame(case: Case) -> None:
    """The worst that can be: audio that is missing, in a file that is called complete."""
    broken = [
        case.broken(way, f"{it.partial.num_frames - case.whole.num_frames:+}, and called complete")
        for way, it in case.outcomes.items()
        if way != "twice"
        and it.partial is not None
        and it.partial.complete
        and it.partial.num_frames != case.whole.num_frames
    ]
    assert not broken, "\n".join(broken)


def test_undamaged(case: Case) -> None:
    assert case.whole.complete is FATES[case.name].complete
    assert not {issue.code for issue in case.whole.issues} & FATAL


def test_cut_short(case: Case) -> None:
    broken = [
        case.broken(way, wrong)
        for way in CUTS
        if (wrong := wrong_of_cut(case, case.outcomes[way], way))
    ]
    assert not broken, "\n".join(broken)


def wrong_of_cut(case: Case, it: Outcome, way: str) -> str:
    expected = FATES[case.name].cut
    if expected == "header":
        return "" if it.partial is None else "opened without its table"
    if it.partial is None:
        # Of a tenth there may be no whole frame.
        return "" if way == "cut_10" and not it.ffmpeg_frames else "not opened"
    if expected in ("truncated", "last_frame"):
        if not it.damaged:
            return "not found to be cut"
        if "gap" in it.codes:
            return "a gap, where nothing follows the cut"
        if any(
            issue.frame_offset < it.partial.num_frames - LAST
            for issue in it.issues
            if issue.code in FATAL
        ):
            return "said to be damaged before the cut as well"
        return wrong_length(case, it)
    if it.damaged:
        return f"an error, not {expected}"
    # The note comes only where a packet of the container is begun, and not all codecs let it.
    return "" if it.codes <= {expected} else f"more than {expected}"


def wrong_length(case: Case, it: Outcome) -> str:
    """Of the part that was cut off, where it is stated: a packet's worth is rounding."""
    assert it.partial is not None
    lost = next((issue for issue in it.issues if issue.code == "truncated"), None)
    if lost is None:
        return ""
    if lost.frame_offset != it.partial.num_frames:
        return "truncated elsewhere than at the end"
    missing = case.whole.num_frames - it.partial.num_frames
    if lost.num_frames and abs(lost.num_frames - missing) > ROUNDING_OF.get(
        ZOO[case.name].container, ROUNDING
    ):
        return f"{missing} frames are missing"
    return ""


def test_overwritten(case: Case) -> None:
    broken = [
        case.broken(way, wrong)
        for way in OVERWRITES
        if (wrong := wrong_verdict(case, way, FATES[case.name].overwritten))
    ]
    assert not broken, "\n".join(broken)


def test_a_part_missing(case: Case) -> None:
    expected = FATES[case.name].missing
    if expected == "header":
        if case.outcomes["splice"].partial is not None:
            pytest.fail(case.broken("splice", "opened without its table"))
        return
    wrong = wrong_verdict(case, "splice", expected)
    assert not wrong, case.broken("splice", wrong)


def wrong_verdict(case: Case, way: str, expected: str) -> str:
    it = case.outcomes[way]
    if expected == "always" and not it.damaged:
        return "not found"
    if expected == "noted" and not (it.damaged or noted(it)):
        return "neither found nor noted"
    if expected == "never" and it.damaged:
        return "found where nothing tells"
    return ""


def noted(it: Outcome) -> bool:
    """Said to be shorter than its times, as is also a stream that begins late."""
    return it.partial is not None and it.partial.complete is None and "length_mismatch" in it.codes


def test_two_files_in_one(case: Case) -> None:
    it = case.outcomes["twice"]
    expected = FATES[case.name].twice
    if expected == "damaged":
        assert it.damaged
        return
    assert it.partial is not None
    assert not it.damaged, case.broken("twice", "an error")
    frames, one = it.partial.num_frames, case.whole.num_frames
    padding = case.whole.sample_rate // 10
    if expected == "first":
        assert frames == one, case.broken("twice", "not the first of the two")
    elif expected == "both":
        assert abs(frames - 2 * one) <= padding, case.broken("twice", "not both")
    else:
        whole = frames == one or abs(frames - 2 * one) <= padding
        assert whole or it.partial.complete is not True, case.broken("twice", "neither")


def test_no_less_is_given_than_ffmpeg_gives(case: Case) -> None:
    """Less what the command does not trim: delay, padding, and what lies beyond the end.

    A file that states its end is followed by something else, and not by more of its audio.
    """
    fate = FATES[case.name]
    trimmed = max(case.whole_ffmpeg_frames - case.whole.num_frames, 0)
    broken = []
    for way, it in case.outcomes.items():
        got = 0 if it.partial is None else it.partial.num_frames
        if it.ffmpeg_frames is None or (way == "twice" and fate.twice == "first"):
            continue
        if it.damaged:
            got += fate.unplayed
        if got < 0.99 * (it.ffmpeg_frames - trimmed * (2 if way == "twice" else 1)):
            broken.append(case.broken(way, "less than ffmpeg gives"))
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("name", [name for name in FATES if FATES[name].kept != "no"])
def test_what_follows_keeps_its_place(cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    broken = []
    missing = () if FATES[name].kept.endswith("missing") else ("splice",)
    for way in (*OVERWRITES, *missing):
        it = case.outcomes[way]
        if it.partial is None:
            continue
        if FATES[name].kept == "mostly" and it.partial.num_frames < case.whole.num_frames:
            wrong = wrong_end(case, it)
        else:
            wrong = wrong_place(case, it.partial)
        if wrong:
            broken.append(case.broken(way, wrong))
    assert not broken, "\n".join(broken)


def wrong_end(case: Case, it: Outcome) -> str:
    """Of Ogg that lost its last page but one, or its first: shorter, and known to be.

    With a gap inside, what follows it has to be in its place.
    """
    assert it.partial is not None
    frames = it.partial.num_frames
    gaps = [issue for issue in it.issues if issue.code == "gap"]
    if any(gap.frame_offset < frames for gap in gaps):
        return "a gap inside, and what follows is not in its place"
    if gaps:
        lost = sum(gap.num_frames for gap in gaps)
        return "" if frames + lost == case.whole.num_frames else "a gap of another length"
    ended = any(i.code == "corrupt_data" and i.frame_offset == frames for i in it.issues)
    return "" if ended or noted(it) else "not known to be short"


def wrong_place(case: Case, partial: Audio) -> str:
    """Compare the last fifth, or what of it no silence stands in."""
    total = case.whole.num_frames
    silent = max((it.frame_offset + it.num_frames for it in partial.issues), default=0)
    begin = max(total * 4 // 5, silent + case.whole.sample_rate // 20)
    excess = partial.num_frames - total
    if FATES[case.name].kept == "to 1 ms":
        # Two times are rounded, one at each end of the gap.
        return f"{excess:+} frames" if abs(excess) * 500 > case.whole.sample_rate else ""
    if excess:
        return f"{excess:+} frames"
    if total - begin < 500:
        return ""
    last = slice(max(begin, total - 16_384), None)
    expected, got = case.whole.samples[last], partial.samples[last]
    if ZOO[case.name].lossless:
        return "" if np.array_equal(expected, got) else "other samples at the end"
    rate = case.whole.sample_rate
    return "" if stands(mono(expected), mono(got), rate) else "other samples at the end"


def mono(samples: Samples) -> Samples:
    return np.asarray(samples.astype(np.float64).mean(axis=1))


def stands(expected: Samples, got: Samples, rate: int) -> bool:
    """Whether it is the same sound at the same place, by half a period of the sine of 440 Hz."""
    lags = range(-rate // 900, rate // 900 + 1)
    inner = slice(rate // 800, -(rate // 800))
    products = [float(expected[inner] @ np.roll(got, lag)[inner]) for lag in lags]
    scale = np.linalg.norm(expected[inner]) * np.linalg.norm(got[inner])
    return abs(lags[int(np.argmax(products))]) == 0 and max(products) > 0.9 * float(scale)


def test_silence_stands_for_what_is_lost(case: Case) -> None:
    for way in (*OVERWRITES, "splice"):
        it = case.outcomes[way]
        for issue in it.issues:
            if issue.code in ("gap", "corrupt_data") and it.partial is not None:
                lost = it.partial.samples[issue.frame_offset :][: issue.num_frames]
                assert not lost.any(), case.broken(way, f"no silence at {issue.frame_offset}")


def test_issues_are_where_the_damage_is(case: Case) -> None:
    """Roughly: bytes are not spread evenly over time, nor are errors found where they are."""
    if FATES[case.name].cut == "header" or FATES[case.name].overwritten == "never":
        return
    broken = []
    for way in OVERWRITES:
        it = case.outcomes[way]
        found = [one for one in it.issues if one.code in FATAL]
        if not found:
            continue
        total = case.whole.num_frames
        begin = (it.damage.begin - NEAR) * total
        end = (it.damage.end + NEAR) * total
        if not (begin <= found[0].frame_offset <= end):
            broken.append(case.broken(way, f"not between {begin:.0f} and {end:.0f}"))
    assert not broken, "\n".join(broken)


def test_the_page_has_the_table() -> None:
    """Row by row, and nothing else: docs/damage.md is for people, and damage.py for tests."""
    lines = (ROOT / "docs/damage.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ")][1:]
    assert rows == ["| " + " | ".join(row(name)) + " |" for name in TABLE]


def test_every_format_is_in_the_table() -> None:
    known = {ZOO[name].container for name in FATES}
    skipped = {"qoa", "g726le", "nut", "mpc", "mpc8"}  # unread by FFmpeg 5.1, or like another
    assert known == {it.container for it in ZOO.values()} - skipped
