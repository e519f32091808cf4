#!/bin/sh
# The primer's transcript: decode a file four ways, and compare each byte for byte with ffmpeg's.
# Run it from the top of the tree; PYTHON names the interpreter, FFMPEG the command.
set -eux
python=${PYTHON:-python3}
ffmpeg="${FFMPEG:-ffmpeg} -nostdin -v error"
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT

# A second of a sine, and what ffmpeg decodes it to.
$ffmpeg -f lavfi -i sine=frequency=440:duration=1 "$dir/sine.wav"
$ffmpeg -i "$dir/sine.wav" -f s16le "$dir/golden.raw"

# The command line.
"$python" -m pyffaudio decode "$dir/sine.wav" > "$dir/command.raw"
diff "$dir/golden.raw" "$dir/command.raw"

# NumPy.
"$python" - "$dir/sine.wav" "$dir/numpy.raw" <<'END'
import sys
import pyffaudio
samples, sample_rate = pyffaudio.decode_file(sys.argv[1], dtype=None)
samples.tofile(sys.argv[2])
END
diff "$dir/golden.raw" "$dir/numpy.raw"

# PyTorch.
"$python" - "$dir/sine.wav" "$dir/torch.raw" <<'END'
import sys
import pyffaudio
tensor = pyffaudio.decode_file(sys.argv[1], dtype=None).torch()
tensor.numpy().tofile(sys.argv[2])
END
diff "$dir/golden.raw" "$dir/torch.raw"

# DLPack.
"$python" - "$dir/sine.wav" "$dir/dlpack.raw" <<'END'
import sys
import numpy
import pyffaudio
array = numpy.from_dlpack(pyffaudio.decode_file(sys.argv[1], dtype=None))
array.tofile(sys.argv[2])
END
diff "$dir/golden.raw" "$dir/dlpack.raw"

test -s "$dir/golden.raw"
echo "four decodes, each equal to golden.raw"
