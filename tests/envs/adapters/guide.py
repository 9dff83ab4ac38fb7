"""The snippets of docs/ADAPTERS.md, for the tests that run them."""

import re

from tests.readme import ROOT

PAGE = (ROOT / "docs" / "ADAPTERS.md").read_text(encoding="utf-8")


def snippets(heading: str, language: str = "python") -> list[str]:
    """The code blocks of a language in the section under `## heading`, in order."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    found = next(part for part in section if part.partition("\n")[0].strip() == heading)
    return re.findall(rf"```{language}\n(.*?)```", found, flags=re.DOTALL)
