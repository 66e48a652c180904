"""check_onnx.py FOLDER: each X.onnx in it is valid, and ONNX Runtime makes X.OUTPUT.npy of
X.INPUT.npy, also of the first image alone. Prints how many there are; exit code 1: one is wrong.
"""

import pathlib
import sys

import numpy
import onnx
import onnxruntime


def difference(ours, expected):
    assert ours.dtype == expected.dtype and ours.shape == expected.shape, (ours.dtype, ours.shape)
    apart = abs(ours.astype("float64") - expected)
    if ours.dtype == "uint8":  # a float at the edge of two bytes may become either
        assert apart.max() <= 1, apart.max()
        return apart.mean() * 1e-3
    return apart.max() / max(1, abs(expected).max())


def check(path):
    onnx.checker.check_model(path, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    read = lambda value: numpy.load(path.with_suffix(f".{value.name}.npy"))
    inputs = {value.name: read(value) for value in session.get_inputs()}
    expected = read(session.get_outputs()[0])
    worst = 0
    for count in (len(expected), 1):
        ours = session.run(None, {name: rows[:count] for name, rows in inputs.items()})[0]
        worst = max(worst, difference(ours, expected[:count]))
    assert worst <= 1e-5, worst
    return worst


paths = sorted(pathlib.Path(sys.argv[1]).glob("*.onnx"))
wrong = 0
for path in paths:
    try:
        print(f"{path.name}: {check(path):.1e}", file=sys.stderr)
    except Exception as error:
        print(f"{path.name}: {type(error).__name__}: {error}")
        wrong = 1
print(f"{len(paths)} files")
sys.exit(wrong)
