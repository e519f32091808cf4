"""``python -m pyffaudio``: the command line, see :mod:`pyffaudio.cli`."""

from pyffaudio.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
