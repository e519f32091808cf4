"""What a benchmark writes into docs/performance: JSON, a table in Markdown, where it was run."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyffaudio

FOLDER = Path(__file__).parents[1] / "docs/performance"
PACKAGES = (
    *("av", "librosa", "miniaudio", "numpy", "pedalboard", "soundfile", "soxr", "torch"),
    "torchcodec",
)


def write(name: str, markdown: str, results: object) -> None:
    """Write NAME.md and NAME.json, and print the first."""
    where = machine() | peers()
    FOLDER.mkdir(exist_ok=True)
    title = name.replace("_", " ").capitalize()
    text = f"# {title}\n\n{markdown}\n\n{_machine_table(where)}\n"
    (FOLDER / f"{name}.md").write_text(text)
    content = {"machine": where, "results": results}
    (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    print(text, flush=True)


def read(name: str) -> object:
    """The results in NAME.json."""
    return json.loads((FOLDER / f"{name}.json").read_text())["results"]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ratio(value: float | None) -> str:
    """Two decimals below ten; nothing where there is nothing."""
    if value is None:
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def machine() -> dict[str, str]:
    """The machine, and what pyffaudio is there."""
    linked = pyffaudio.versions()
    ours = "bundled" if "libpyffaudio_ffmpeg" in linked["path"] else "shared"
    kernel = platform.release().partition("-")[0]
    return {
        "processor": f"{processor()}, {os.cpu_count()} cores, {platform.machine()}",
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {kernel}",
        "Python": platform.python_version(),
        "pyffaudio": f"{linked['pyffaudio']}, {ours} FFmpeg {linked['ffmpeg']}",
    }


def peers() -> dict[str, str]:
    """The versions of what is measured beside it."""
    command = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True)
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"ffmpeg command": command.stdout.split()[2], **packages}


def processor() -> str:
    """Its name, as the system gives it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _machine_table(where: Mapping[str, str]) -> str:
    return table(list(where), [list(where.values())])
