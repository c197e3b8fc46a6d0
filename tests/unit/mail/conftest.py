"""Folders of templates to write into, and the shipped ones."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.domain.policy import Brand
from worker.mail.render import LetterRenderer

SHIPPED = Path(__file__).parents[3] / "templates"


@pytest.fixture
def shipped() -> Path:
    """The templates as they are shipped."""
    return SHIPPED


@pytest.fixture
def brand() -> Brand:
    """A brand without a logo."""
    return Brand("Acme & Sons", "help@acme.example", colour="#00aa55")


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A copy of the shipped templates that a test may spoil."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "templates"))


@pytest.fixture
def write_letter(templates: Path) -> Callable[..., Path]:
    """Write the body of a letter under a shipped head; `notice` and `locale` say where."""

    def write(
        body: str, *, notice: str = "payment_failed_1", locale: str = "en", head: str | None = None
    ) -> Path:
        shown = head or (
            'subject: "About {{ amount }}"\n'
            'preheader: "Before"\n'
            'button: {text: "Pay", link: pay_url}\n'
            'footer: "Why"\n'
        )
        path = templates / locale / f"{notice}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"---\n{shown}---\n{body}\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def renderer(templates: Path, brand: Brand) -> LetterRenderer:
    """A renderer of the copied templates; it reads a file when it is first needed."""
    return LetterRenderer(templates, brand)
