"""Draw docs/performance/clips.svg from clips.json: what others take, in times of pyffaudio's."""

from typing import Any

import matplotlib as mpl
import report
from corpus import FORMATS, KINDS
from peers import OURS, PEERS, PLAIN, PROCESS

mpl.use("svg")
# The same picture from the same figures, and text that is text.
mpl.rcParams.update({"svg.hashsalt": OURS, "svg.fonttype": "none"})
MARKS = dict(zip((*PEERS, PROCESS, PLAIN), "osD^vP*_", strict=True))


def main() -> None:
    """One panel for each length, one column for each format, one mark for each library."""
    import matplotlib.pyplot as plt

    rows: Any = report.read("clips")
    figure, panels = plt.subplots(1, len(KINDS), figsize=(12, 4.5), sharey=True, squeeze=False)
    for kind, panel in zip(KINDS, panels[0], strict=True):
        found = {row["format"]: row["times_of_ours"] for row in rows if row["clip"] == kind}
        for name, mark in MARKS.items():
            places = [at for at, suffix in enumerate(FORMATS) if name in found[suffix]]
            values = [found[FORMATS[at]][name] for at in places]
            panel.plot(places, values, mark, label=name, markersize=12 if mark == "_" else 6)
        panel.axhline(1, color="black", linewidth=1)
        panel.set(title=kind, yscale="log", xticks=range(len(FORMATS)), xticklabels=FORMATS)
        panel.grid(axis="y", alpha=0.3)
    panels[0][0].set_ylabel(f"time over that of {OURS}; above the line is slower")
    panels[0][-1].legend(loc="upper right", fontsize="small")
    figure.tight_layout()
    figure.savefig(report.FOLDER / "clips.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
