"""A library that is not there is told with the command that installs it."""

import json

import pytest

from envs.adapters.extras import MissingExtraError, require


def test_a_library_that_is_there_is_imported():
    assert require("json", "nothing") is json


@pytest.mark.parametrize("kind", [ImportError, ValueError, MissingExtraError])
def test_a_library_that_is_missing_is_told(kind):
    with pytest.raises(kind, match=r"takes the library no_such_library: pip install 'eyechart\[trl\]'"):
        require("no_such_library.part", "trl")
