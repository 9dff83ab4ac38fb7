import sys

import pytest


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a module of the user's own, `my_rewards`, into the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(code):
        sys.modules.pop("my_rewards", None)
        (tmp_path / "my_rewards.py").write_text(code)

    yield write
    sys.modules.pop("my_rewards", None)
