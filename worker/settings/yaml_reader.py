"""YAML 1.2 as text with line numbers: no value changes its meaning before its field is known.

Every scalar stays the text that was written, so `22:30`, `NO` and `007` are what they look like,
and the field's own type decides what they mean. Structural faults (a key twice, an alias, a tag)
are collected, so that they are told together with everything else that is wrong in the file.
"""

from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from worker.errors import ConfigError

Location = tuple[str | int, ...]
"""Keys and list positions from the top of a file down to one value."""

STANDARD_TAG = "tag:yaml.org,2002:"
BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one file; `sentence` says what and what to write instead."""

    line: int
    location: Location
    sentence: str


@dataclass(slots=True)
class YamlText:
    """A file's content as dicts, lists and strings, with the line of every part of it."""

    file: str
    data: object = field(default_factory=dict)
    lines: dict[Location, int] = field(default_factory=dict)
    """Line (from 1) of each value's key or list item; `()` is the file itself."""
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, location: Location) -> int:
        """Return the line of *location*, or of the nearest part around it that exists."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def at(self, location: Location) -> object:
        """Return the value at *location*, or None where the file has nothing there."""
        value: object = self.data
        for part in location:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value


def read_yaml(path: Path) -> YamlText:
    """Return the content of *path*; an empty file is an empty mapping.

    Raises: ConfigError: the file is missing, unreadable or no YAML at all (the operator acts).
    """
    return parse_yaml(path.name, read_content(path))


def read_content(path: Path) -> bytes:
    """Return what a file holds. Raises: ConfigError: it is missing, unreadable or too large."""
    name = path.name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{name} is missing in {path.parent}; put it there or set CONFIG_DIR."
        ) from None
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}.") from None
    if len(content) > BYTES_MAX:
        raise ConfigError(f"{name} is larger than {BYTES_MAX} bytes; that is no settings file.")
    return content


def parse_yaml(name: str, content: bytes) -> YamlText:
    """Return what is written in the file called *name*. Raises: ConfigError: it is no YAML."""
    try:
        # Not the round-trip reader: it marks the folds of `>-` texts inside of their values.
        root = YAML(typ="safe", pure=True).compose(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"{name} line {line} is not UTF-8; save the file as UTF-8.") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name} line {line} is not YAML: {error.problem}.") from None
    except (YAMLError, RecursionError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else "unreadable"
        raise ConfigError(f"{name} is not YAML: {first_line}.") from None
    text = YamlText(name)
    if root is not None:
        text.lines[()] = root.start_mark.line + 1
        text.data = _Walk(text).value(root, ())
    return text


class _Walk:
    """Turns nodes into text, noting lines and structural faults on the way."""

    def __init__(self, text: YamlText) -> None:
        self.text = text
        self.seen: set[int] = set()

    def value(self, node: Node, at: Location) -> object:
        """Return *node* as a dict, list or string; a refused part becomes an empty string."""
        if id(node) in self.seen:
            # The node stands where the anchor is; its key stands where the alias is.
            line = self.text.lines.get(at, node.start_mark.line + 1)
            sentence = "aliases (`*name`) are not supported; write the value out."
            self.text.problems.append(Problem(line, at, sentence))
            return ""
        self.seen.add(id(node))
        if not str(node.tag).startswith(STANDARD_TAG):
            self.complain(node, at, f"the tag {node.tag} is not supported; leave it out.")
        if isinstance(node, MappingNode):
            return self.mapping(node, at)
        if isinstance(node, SequenceNode):
            return [self.item(child, (*at, index)) for index, child in enumerate(node.value)]
        return str(node.value)

    def item(self, node: Node, at: Location) -> object:
        """Return one list item, with its line noted."""
        self.text.lines[at] = node.start_mark.line + 1
        return self.value(node, at)

    def mapping(self, node: MappingNode, at: Location) -> dict[str, object]:
        """Return the mapping; of a key written twice the first stays and a problem is noted."""
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.complain(key_node, at, "a key must be one word, not a list or mapping.")
                continue
            key = str(key_node.value)
            place = (*at, key)
            if key in result:
                first = self.text.lines[place]
                self.complain(
                    key_node, place, f"is written twice (first in line {first}); keep one."
                )
                continue
            self.text.lines[place] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, place)
        return result

    def complain(self, node: Node, at: Location, sentence: str) -> None:
        """Note a fault at *node*."""
        self.text.problems.append(Problem(node.start_mark.line + 1, at, sentence))
