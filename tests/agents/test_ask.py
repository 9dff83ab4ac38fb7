import numpy as np
import pytest
from PIL import Image

from agents.__main__ import main
from agents.language_model import LanguageModel
from tests.agents.conftest import noise_pictures, tiny


@pytest.fixture
def files(tmp_path):
    """Two pictures on disk, one of them grey, and what they show in colour."""
    colour, grey = noise_pictures(56, 84)
    Image.fromarray(colour).save(tmp_path / "colour.png")
    Image.fromarray(grey[:, :, 0]).save(tmp_path / "grey.png")
    return [tmp_path / "colour.png", tmp_path / "grey.png"], [colour, np.repeat(grey[:, :, :1], 3, axis=2)]


def asked(capsys, *arguments):
    """The status, and what was printed."""
    status = main(["ask", *map(str, arguments)])
    return status, capsys.readouterr()


@pytest.mark.parametrize("pictures", [0, 1, 2])
def test_the_answer_is_the_policys_own(files, capsys, pictures):
    paths, arrays = files
    flags = [word for path in paths[:pictures] for word in ("--image", path)]
    status, said = asked(capsys, "What time is it?", "--model", "tiny", "--max-new-tokens", 6, *flags)
    policy = tiny("tiny")
    shown = [arrays[:pictures]] if pictures else None
    (expected,) = policy.decode(policy.generate(policy.prepare(["What time is it?"], shown)))
    assert status == 0
    assert said.out == escaped(expected) + "\n"


def escaped(text):
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def test_a_folder_of_a_text_model_answers(tmp_path, capsys):
    policy = tiny("tiny-llama")
    policy.model.save_pretrained(tmp_path)
    policy.processor.save_pretrained(tmp_path)
    status, said = asked(capsys, "Red?", "--model", tmp_path, "--max-new-tokens", 3)
    assert status == 0
    policy.max_new_tokens = 3
    (expected,) = policy.decode(policy.generate(policy.prepare(["Red?"])))
    assert said.out == escaped(expected) + "\n"


def test_control_codes_do_not_reach_the_terminal(capsys, monkeypatch):
    monkeypatch.setattr(LanguageModel, "decode", lambda *_: ["a\x1b]0;title\x07\n\tb\u202ec é"])
    _, said = asked(capsys, "?", "--model", "tiny")
    assert said.out == "a\\x1b]0;title\\x07\n\tb\\u202ec é\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["?", "--model", "tiny", "--image", "nowhere.png"], "--image nowhere.png is no picture"),
        (["?", "--model", "tiny", "--image", __file__], "is no picture that can be read"),
        (["?", "--model", "tiny", "--max-new-tokens", 0], "--max-new-tokens must be at least 1"),
        (["?", "--model", "tini"], "did you mean 'tiny'?"),
        (["<|image_pad|>", "--model", "tiny"], "which the model keeps for pictures"),
    ],
)
def test_bad_input_is_named(capsys, arguments, said):
    status, printed = asked(capsys, *arguments)
    assert status == 2
    assert said in printed.err
    assert "Traceback" not in printed.err


def test_a_broken_picture_is_named(files, tmp_path, capsys):
    whole = files[0][0].read_bytes()
    for place in range(8, len(whole), 97):
        (tmp_path / "broken.png").write_bytes(whole[:place] + b"\0\xff\0" + whole[place + 3 :])
        try:
            with Image.open(tmp_path / "broken.png") as picture:
                picture.convert("RGB")
        except (OSError, SyntaxError, ValueError):
            status, said = asked(capsys, "?", "--model", "tiny", "--image", tmp_path / "broken.png")
            assert status == 2
            assert "is no picture that can be read" in said.err


def test_a_text_model_is_shown_no_pictures(files, capsys):
    status, said = asked(capsys, "?", "--model", "tiny-llama", "--image", files[0][0])
    assert status == 2
    assert "reads text only" in said.err
