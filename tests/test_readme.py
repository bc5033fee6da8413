"""The README's examples run as they stand there."""

import re
from pathlib import Path

import keras
import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=["keras", "numpy"])
def test_example_runs_and_gives_the_shapes_it_names(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.clear_session()  # Keras counts layers from the start of the process
    names = {}
    exec(example, names)
    if "flow" in names:
        assert {k: v.shape for k, v in names["flow"].items()} == {"gru": (32, 50, 10)}
        assert (tmp_path / "gradient_flow.svg").stat().st_size > 1000
    else:
        assert names["gradients"].states.shape == (32, 50, 10)
        assert names["gradients"].recurrent_kernel.shape == (10, 10)
