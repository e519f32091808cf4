"""Promise: what the documents say is so: examples run, excerpts are the code, tables the rules."""

import ast
import doctest
import importlib
import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import coming_from
import doc_files
import pyffaudio
from pyffaudio import Limits, diagnose, errors, filter_rules
from pyffaudio.formats import _REFUSED_FORMATS, DECODERS, DEMUXERS
from pyffaudio.issues import ISSUE_CODES
from pyffaudio.levels import _WEIGHTS, mix_matrix
from pyffaudio.options import DecodeOptions, _normalise
from pyffaudio.report import column_types

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in DOCUMENTS}
BLOCK = re.compile(r"(?:From `([^`]+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What an example needs, beside pyffaudio, by what is written in it: torch, pyffaudio.sox, and the
# packages of the other extras.
SIGNS = {
    "torch": r"torch",
    "sox": r"pyffaudio\.sox",
    "extras": r"\b(import|from) (datasets|fsspec|matplotlib|pyarrow)\b|pyffaudio\.remote|\.plot\(",
}


def marks_of(code: str) -> list[pytest.MarkDecorator]:
    return [getattr(pytest.mark, name) for name, sign in SIGNS.items() if re.search(sign, code)]


def modules() -> list[object]:
    """Each module whose docstrings have examples, but for pyffaudio.ray, which tests/ray has."""
    found = {
        path.stem: "".join(re.findall(r"^ *>>> (.*\n)", path.read_text(), re.MULTILINE))
        for path in sorted(Path(pyffaudio.__file__).parent.glob("*.py"))
    }
    return [
        pytest.param(f"pyffaudio.{name}", marks=marks_of(code))
        for name, code in found.items()
        if code and name != "ray"
    ]


def blocks(language: str, with_ray: bool = False) -> list[object]:
    """The text of each block in this language, named by page and line. Excerpts are no examples.

    Those that start a Ray are for tests/ray alone.
    """
    return [
        pytest.param(
            block[3],
            id=f"{page}:{1 + text.count(chr(10), 0, block.start(3))}",
            marks=marks_of(block[3]),
        )
        for page, text in PAGES.items()
        for block in BLOCK.finditer(text)
        if block[2] == language and block[1] is None
        if ("pyffaudio.ray" in block[3]) == with_ray
    ]


PRINT = re.compile(r"^ *print\(.*\)(?:  # (.*)|\n((?: *# .*\n)+))", re.MULTILINE)
EXCERPTS = [
    (block[1], block[3]) for text in PAGES.values() for block in BLOCK.finditer(text) if block[1]
]


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the one table under a heading."""
    section = PAGES[page].split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples read."""
    return doc_files.make(tmp_path_factory.mktemp("docs"))


def run(folder: Path, *command: str) -> str:
    """Run a command as a reader does, from the folder that has the files; answer its output."""
    package = str(Path(pyffaudio.__file__).parents[1])  # the one that is tested, wherever it is
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "PYTHON": sys.executable, "HF_HUB_OFFLINE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", blocks("python"))
def test_python_blocks_run_and_print_what_they_say(folder: Path, code: str) -> None:
    check_python(folder, code)


def check_python(folder: Path, code: str) -> None:
    """Each is a program of its own; what a line prints stands behind it, or beneath it, wrapped."""
    script = folder / "example.py"
    script.write_text(code)
    said = [
        behind or re.sub(r"\n? *# ", " ", "\n" + beneath).strip()
        for behind, beneath in PRINT.findall(code)
    ]
    printed = run(folder, sys.executable, script.name).splitlines()
    assert [line for line in printed if line in said] == said, printed


NOT_WHOLE = """
def outcome(*arguments):
    try:
        return len(decode(*arguments)[0])
    except Exception as error:
        return f"{type(error).__name__}: {error}"


data = open("song.mp3", "rb").read()
print(outcome(data, 88200))
print(outcome(data, 88199))
print(outcome(data[: len(data) // 2]).partition(":")[0])
decode_here = lambda *_: __import__("time").sleep(100)
print(outcome(data, 88200, 0.2))
decode_here = lambda *_: __import__("os").abort()
print(outcome(data))
print(multiprocessing.active_children())
"""


def test_what_a_process_of_its_own_cannot_give_whole_is_an_error(folder: Path) -> None:
    """By the recipe of SECURITY.md: neither a part without a word, nor a wait without an end."""
    recipe = re.search(r"```python\n(.*?)\nwith open", PAGES["SECURITY.md"], re.DOTALL)
    assert recipe is not None
    assert run(folder, sys.executable, "-c", recipe[1] + NOT_WHOLE).splitlines() == [
        "88200",
        "LimitExceededError: the audio is longer than 88199 frames",
        "CorruptAudioError",
        "TimeoutError: the process that decoded took more than 0.2 s",
        "RuntimeError: the process that decoded has ended by itself",
        "[]",
    ]


@pytest.mark.parametrize("text", blocks("console"))
def test_console_blocks_run_and_print_what_they_say(folder: Path, text: str) -> None:
    script = 'pyffaudio() { "$PYTHON" -m pyffaudio "$@"; }\nset -e\n'
    script += "".join(f"{line[2:]}\n" for line in text.splitlines() if line.startswith("$ "))
    said = [line for line in text.splitlines() if not line.startswith("$ ")]
    assert run(folder, "sh", "-c", script).splitlines() == said


@pytest.mark.parametrize(
    "code",
    [pytest.param(row.ours, marks=marks_of(row.ours)) for row in coming_from.rows()],
)
def test_our_calls_beside_those_of_others_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """`make test-peers-table` compares what they give."""
    monkeypatch.chdir(folder)
    if "soxr" in code and "--enable-libsoxr" not in pyffaudio.versions()["configuration"]:
        with pytest.raises(pyffaudio.FilterError):
            coming_from.evaluate(code)
    else:
        found = np.asarray(coming_from.evaluate(code))
        assert found.size > 0
        assert np.isfinite(found).all()


@pytest.mark.parametrize(("file", "text"), EXCERPTS)
def test_excerpts_are_the_code(file: str, text: str) -> None:
    """Literally, and in order; a line of three dots leaves something out."""
    rest = (ROOT / file).read_text()
    for part in re.split(r"^ *\.\.\.\n", text, flags=re.MULTILINE):
        assert part in rest
        rest = rest.split(part, 1)[1]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGES[page]):
        assert "://" in target or (ROOT / page).parent.joinpath(target).exists(), target


def test_tests_that_are_named_exist() -> None:
    for path, name in re.findall(r"`(tests/\w+\.py)(?:::(\w+))?`", "".join(PAGES.values())):
        text = (ROOT / path).read_text()
        assert not name or f"\ndef {name}(" in text, name


@pytest.mark.parametrize("name", modules())
def test_docstring_examples(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(folder)
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_every_public_function_has_an_example() -> None:
    for name in pyffaudio.__all__:
        thing = getattr(pyffaudio, name)
        assert not inspect.isfunction(thing) or ">>> " in (thing.__doc__ or ""), name


@pytest.mark.parametrize(
    "module",
    [
        "pyffaudio",
        *(f"pyffaudio.{name}" for name in ("remote", "ray", "scan", "convert")),
        pytest.param("pyffaudio.sox", marks=pytest.mark.sox),
    ],
)
def test_the_reference_has_every_public_name(module: str) -> None:
    listed = re.findall(rf"^\.\. \S+:: {module}\.(\w+)$", PAGES["docs/api.md"], re.MULTILINE)
    assert sorted(listed) == sorted(importlib.import_module(module).__all__)


def test_the_index_has_every_page() -> None:
    """Twice: as a link for people, and in the site's own table."""
    pages = {name.removeprefix("docs/") for name in PAGES if name.startswith("docs/")}
    links = set(re.findall(r"\]\((\w+\.md)\)", PAGES["docs/index.md"]))
    entries = re.findall(r"^(\w+)(?:\*\*)?$", PAGES["docs/index.md"], re.MULTILINE)
    assert links == {f"{name}.md" for name in entries} == pages - {"index.md"}


def test_the_map_has_every_module() -> None:
    named = set(re.findall(r"(?<![/\w])\w+\.(?:py|pxd|pyx|c)\b", PAGES["docs/inside.md"]))
    files = {path.name for path in (ROOT / "pyffaudio").iterdir()}
    modules = {name for name in files if re.match(r"(_(?!sox).*\.pxd|[^_].*\.py)$", name)}
    assert modules <= named <= files


def test_the_options_are_all_of_them() -> None:
    defaults = inspect.signature(_normalise).parameters
    listed = set()
    for option, default, _ in table("README.md", "Options"):
        for name, value in zip(names(option), names(default), strict=True):
            assert ast.literal_eval(value) == defaults[name].default, name
            listed.add(name)
    assert listed == DecodeOptions.__optional_keys__


def test_the_extras_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for extra, _, brings in table("README.md", "Install"):
        name = names(extra)[0].removeprefix("pyffaudio[").removesuffix("]")
        required = [line.partition(">")[0] for line in extras[name]]
        assert names(brings) == required, name


def test_the_weights_are_those_of_the_level_contract() -> None:
    rows = table("docs/levels.md", "Weights")
    listed = {names(name)[0]: (float(left), float(right)) for name, left, right, _ in rows}
    assert listed == {
        name: (round(left, 4), round(right, 4)) for name, (left, right) in _WEIGHTS.items()
    }


@pytest.mark.parametrize("row", table("docs/levels.md", "Matrices"), ids=lambda row: row[0])
def test_the_matrices_are_those_of_the_level_contract(row: list[str]) -> None:
    channels = row[1].split()
    left, right, mono = ([float(number) for number in cell.split()] for cell in row[2:])
    for listed, number in (([left, right], 2), ([mono], 1)):
        found = mix_matrix(channels, number) or [[1.0, 0.0], [0.0, 1.0]]
        assert listed == [[round(weight, 4) for weight in weights] for weights in found]


def test_the_formats_are_those_allowed() -> None:
    for heading, allowed in (("Demuxers", DEMUXERS), ("Decoders", DECODERS)):
        listed = [name for row in table("docs/formats.md", heading) for name in names(row[0])]
        assert sorted(listed) == sorted(allowed), heading
    refused = [name for row in table("docs/formats.md", "Refused") for name in names(row[0])]
    assert sorted(refused) == sorted(_REFUSED_FORMATS)


def test_the_errors_are_those_raised() -> None:
    listed = {names(row[0])[0]: names(row[1])[0] for row in table("docs/errors.md", "Exceptions")}
    for name, base in listed.items():
        assert getattr(errors, name).__base__.__name__ == base
    assert set(listed) == {name for name in pyffaudio.__all__ if name.endswith("Error")}


def test_the_codes_are_those_given() -> None:
    fatal = {code for code in ISSUE_CODES if pyffaudio.Issue(code, 0, 0).is_fatal}
    expected = {code: kind.__name__ for code, (kind, _) in diagnose._FAULTS.items()}
    expected |= dict.fromkeys([*fatal, "md5_mismatch"], "CorruptAudioError")
    expected["filters"] = "FilterError"
    expected |= {"limit_exceeded": "LimitExceededError", "timeout": "DecodeTimeoutError"}
    listed = {names(row[0])[0]: names(row[1])[0] for row in table("docs/errors.md", "Codes")}
    assert listed == expected
    faults = set(diagnose.FAULT_NAMES) - {""}
    assert {code for code in faults if not code.startswith("max_")} <= set(listed)
    issues = {names(row[0])[0]: row[1] for row in table("docs/errors.md", "Issues")}
    assert issues == {code: "yes" if code in fatal else "no" for code in ISSUE_CODES}


def test_the_limits_are_those_set() -> None:
    units = {"MiB": 1 << 20, "GiB": 1 << 30}
    rows = table("docs/safety.md", "Limits")
    for column, limits in ((1, Limits()), (2, Limits.untrusted())):
        for row in rows:
            value = getattr(limits, names(row[0])[0])
            if row[column] in ("none", "all"):
                assert value is None
            elif names(row[column]):
                assert set(names(row[column])) == set(value)
            else:
                number, _, unit = row[column].partition(" ")
                assert value == float(number) * units.get(unit, 1)
    assert [names(row[0])[0] for row in rows] == list(Limits.__dataclass_fields__)


def test_the_columns_are_those_of_a_report() -> None:
    rows = table("docs/command_line.md", "A report on a folder")
    assert {names(row[0])[0]: row[1] for row in rows} == {
        name: kind.__name__ for name, kind in column_types().items()
    }


def test_the_refused_filters_are_those_of_the_rules() -> None:
    before = {name: reason for name, (_, reason) in filter_rules.REFUSED_BEFORE.items()}
    page = "docs/filters.md"
    listed = {names(row[0])[0]: row[1] for row in table(page, "Refused filters")}
    assert listed == {**filter_rules.REFUSED_FILTERS, **before}
    options = {
        (name, option): reason
        for name, refused in filter_rules.REFUSED_OPTIONS.items()
        for option, reason in refused.items()
    }
    found = table(page, "Refused options")
    assert {(names(row[0])[0], names(row[1])[0]): row[2] for row in found} == options
    bounds = {
        (name, option): f"{least} to {most}"
        for name, bounded in filter_rules.BOUNDS.items()
        for option, (least, most) in bounded.items()
    }
    found = table(page, "Bounds")
    assert {(names(row[0])[0], names(row[1])[0]): row[2] for row in found} == bounds
