"""Issue: what was found wrong while decoding."""

from __future__ import annotations

from dataclasses import dataclass

# In the order of IssueCode in _issues.pxd; audio is known to be missing where the first ones are.
FATAL_CODES = ("corrupt_data", "truncated", "gap")
ISSUE_CODES = (
    *FATAL_CODES,
    *("length_mismatch", "no_end_of_stream", "trailing_data", "params_changed", "nonfinite"),
)


@dataclass(frozen=True)
class Issue:
    """Something irregular that was found while decoding.

    Attributes
    ----------
    code : str
        Audio is known to be missing: ``"corrupt_data"`` (the decoder or a checksum refused data),
        ``"truncated"`` (the file ends before a count that its container must keep, or inside a
        frame), ``"gap"`` (timestamps or frame numbers skip some). Notes: ``"length_mismatch"`` (a
        stated length was wrong), ``"no_end_of_stream"`` (the stream stops without its end mark),
        ``"trailing_data"`` (something else follows the audio, or stands between),
        ``"params_changed"`` (rate, channels or sample format changed and were converted to the
        first ones), ``"nonfinite"`` (samples that are infinite or no number).
    frame_offset : int
        Where, in frames of the returned samples.
    num_frames : int
        How many frames it concerns; 0 where that is unknown.
    """

    code: str
    frame_offset: int
    num_frames: int

    @property
    def is_fatal(self) -> bool:
        """Whether audio is known to be missing."""
        return self.code in FATAL_CODES


def any_fatal(issues: tuple[Issue, ...]) -> bool:
    """Whether one of these says that audio is missing."""
    return bool(issues) and any(issue.is_fatal for issue in issues)
