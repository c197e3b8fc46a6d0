"""Broken configuration files, each with the exact sentence that tells the operator."""

from pathlib import Path

import pytest

from worker.errors import ConfigError
from worker.settings.load import load_configuration

HERE = Path(__file__).parent
CONFIG = HERE.parents[2] / "config"
LETTERS = frozenset(
    {
        "action_required",
        "payment_failed_1",
        "payment_failed_2",
        "payment_failed_3",
        "payment_failed_final",
        "renewal_upcoming",
        "trial_ending",
        "card_expiring",
    }
)

MINIMAL = """\
mode: live
time_zone: Europe/Berlin
policies:
  - name: all
    when_declined:
      funds: { do: retry }
      unclear: { do: retry, at_most: 3 times }
      technical: { do: retry_soon, within: 6 hours }
      card_data: { do: wait_for_new_card }
      not_allowed: { do: wait_for_new_card }
      fraud: { do: wait_for_new_card }
      authentication: { do: ask_customer }
      consent_withdrawn: { do: stop }
      setup: { do: ask_operator }
    steps:
      - { name: first letter, after: 4 hours, letter: payment_failed_1 }
      - { name: try 1, after: 1 day, charge: any time }
      - { name: try 2, after: 3 days, charge: any time }
      - { name: final letter, after: 11 days, letter: payment_failed_final }
    ending: { after: 14 days, do: cancel, not_before: 2 days after final letter }
"""

TWO = MINIMAL.replace(
    "policies:\n",
    """\
policies:
  - name: annual
    match: { interval: year }
    like: all
    change: { ending: { after: 30 days } }
""",
)
"""Two policies; the second begins in line 8, its last line is 24."""


def problems_of(tmp_path: Path, **files: str) -> list[str]:
    """Return the sentences about a folder of the shipped files with *files* in their place."""
    for name in ("dunning", "notices", "schedule"):
        text = files.get(name, (CONFIG / f"{name}.yaml").read_text())
        (tmp_path / f"{name}.yaml").write_text(text)
    try:
        load_configuration(tmp_path, LETTERS)
    except ConfigError as error:
        return list(error.problems)
    return []


def changed(*changes: tuple[str, str], base: str = MINIMAL) -> str:
    """Return *base*, a dunning.yaml, with each (old, new) applied once."""
    text = base
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text


def broken_lines(file: str) -> list[tuple[str, str, str]]:
    """Return (old, new, sentence) of each block in a file beside this one."""
    blocks = (HERE / file).read_text().split("\n\n")[1:]
    cases = []
    for block in blocks:
        old, new, sentence = (line[2:] for line in block.strip("\n").split("\n"))
        cases.append((old.replace("\\n", "\n"), new.replace("\\n", "\n"), sentence))
    return cases


def broken_files() -> list[tuple[str, str, list[str]]]:
    """Return (file, its text, every sentence) of each block in broken_others.txt."""
    blocks = (HERE / "broken_others.txt").read_text().split("\n\n")[1:]
    cases = []
    for block in blocks:
        file, *lines = block.strip("\n").split("\n")
        text = "".join(f"{line[2:]}\n" for line in lines if line.startswith("> "))
        cases.append((file, text, [line[2:] for line in lines if line.startswith("= ")]))
    return cases


def test_enough_broken_files() -> None:
    files = ("broken_dunning.txt", "broken_policies.txt")
    assert sum(len(broken_lines(file)) for file in files) + len(broken_files()) >= 30


def test_minimal_file_is_fine(tmp_path: Path) -> None:
    assert problems_of(tmp_path, dunning=MINIMAL) == []


@pytest.mark.parametrize(("old", "new", "sentence"), broken_lines("broken_dunning.txt"))
def test_dunning_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert sentence in problems_of(tmp_path, dunning=changed((old, new)))


@pytest.mark.parametrize(("old", "new", "sentence"), broken_lines("broken_policies.txt"))
def test_sentence_about_several_policies(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """One fault in one policy draws one sentence, also where another takes it over."""
    assert problems_of(tmp_path, dunning=changed((old, new), base=TWO)) == [sentence]


def test_one_fault_is_told_once(tmp_path: Path) -> None:
    """A fault must not drag sentences about its consequences along."""
    text = changed(("final letter, after: 11 days", "final letter, after: 11"))
    assert problems_of(tmp_path, dunning=text) == [
        "dunning.yaml line 19, steps → final letter → after: 11 has no unit; write `11 days`."
    ]


@pytest.mark.parametrize(("file", "text", "sentences"), broken_files())
def test_sentences_of_the_other_files(
    tmp_path: Path, file: str, text: str, sentences: list[str]
) -> None:
    assert problems_of(tmp_path, **{file: text}) == sentences


def test_every_problem_of_every_file_in_one_run(tmp_path: Path) -> None:
    """Faults of single fields hide neither those across fields nor those of other files."""
    dunning = changed(
        ("mode: live", "mode: life"),
        ("try 1, after: 1 day", "try 1, after: 1"),
        ("payment_failed_1", "payment_failed_9"),
        ("2 days after final letter", "2 days after the end"),
    )
    told = problems_of(tmp_path, dunning=dunning, notices="brand: 3\n", schedule="x: 1\n")
    assert [sentence.split(":")[0] for sentence in told] == [
        "dunning.yaml line 1, mode",
        "dunning.yaml line 16, steps → first letter → letter",
        "dunning.yaml line 17, steps → try 1 → after",
        "dunning.yaml line 20, ending → not_before",
        "notices.yaml line 1, brand",
        "notices.yaml line 1",
        "schedule.yaml line 1, x",
    ]


def test_too_many_charges(tmp_path: Path) -> None:
    many = "".join(
        f"      - {{ name: more {day}, after: {day} days, charge: any time }}\n"
        for day in range(4, 11)
    )
    text = changed(
        ("      - { name: final letter", f"{many}      - {{ name: final letter"),
    )
    assert problems_of(tmp_path, dunning=text) == [
        "dunning.yaml line 25, steps → more 10 → charge: is charge 9 of at most 8; leave it out."
    ]


def test_two_policies_are_fine(tmp_path: Path) -> None:
    assert problems_of(tmp_path, dunning=TWO) == []


def test_no_policy_at_all(tmp_path: Path) -> None:
    text = MINIMAL[: MINIMAL.index("policies:")] + "policies: []\n"
    assert problems_of(tmp_path, dunning=text) == [
        "dunning.yaml line 3, policies: is an empty list; one item is needed."
    ]


def test_empty_file_says_what_is_missing(tmp_path: Path) -> None:
    [sentence] = problems_of(tmp_path, dunning="# nothing\n")
    assert sentence.startswith(
        "dunning.yaml line 1: `mode`, `time_zone` and `policies` are missing"
    )


def test_missing_folder_and_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist; set CONFIG_DIR to yours"):
        load_configuration(tmp_path / "none", LETTERS)
    with pytest.raises(ConfigError) as caught:
        load_configuration(tmp_path, LETTERS)
    assert [sentence.split(" in ")[0] for sentence in caught.value.problems] == [
        "dunning.yaml is missing",
        "notices.yaml is missing",
        "schedule.yaml is missing",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a: 1\nb: \xff\n", "schedule.yaml line 2 is not UTF-8; save the file as UTF-8."),
        (b"a: \x01\n", "schedule.yaml is not YAML: "),
        (b"a: 1\n\tb: 2\n", "schedule.yaml line 2 is not YAML: found character '\\t'"),
        (b"a: 1\n---\nb: 2\n", "schedule.yaml line 2 is not YAML: but found another document."),
        (b"a: *x\n", "schedule.yaml line 1 is not YAML: found undefined alias 'x'."),
        (b"[a]: 1\n", "schedule.yaml line 1: a key must be one word, not a list or mapping."),
        (b"a: &a [*a]\n", "aliases (`*name`) are not supported"),
        (b"[" * 1200, "schedule.yaml is not YAML"),
        (b"#" * 1_000_001, "schedule.yaml is larger than 1000000 bytes"),
    ],
)
def test_what_is_no_settings_file(tmp_path: Path, content: bytes, sentence: str) -> None:
    problems_of(tmp_path)
    (tmp_path / "schedule.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_configuration(tmp_path, LETTERS)
    assert any(sentence in problem for problem in caught.value.problems)


def test_a_template_that_nobody_finds(tmp_path: Path) -> None:
    problems_of(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_configuration(tmp_path, frozenset())
    assert caught.value.problems[1].endswith(
        "no template `payment_failed_1.md` was found; check TEMPLATES_DIR."
    )
