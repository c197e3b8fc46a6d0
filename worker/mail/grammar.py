"""The closed grammar of merge fields: what may stand between `{{ }}` and `{% %}` in a template.

Templates are edited by people and the sandbox alone does not stop a template that eats memory or
calls what it was handed, so anything outside this short list is refused before it is compiled:
fields and their parts, `if`, one level of `for`, comparisons, `and or not`, and six filters.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from worker.domain.letter_fields import Field

FILTERS = ("capitalize", "length", "lower", "title", "trim", "upper")
SOURCE_CHARACTERS_MAX = 64_000
LOOP = Field(
    "record",
    "where a loop stands",
    items={name: Field("text", name) for name in ("first", "last", "index", "length")},
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One sentence about one line of a template; `line` counts from 1 within the file."""

    line: int
    sentence: str


@dataclass(slots=True)
class Findings:
    """What a check of one template found; `used` gives each field's first line."""

    problems: list[Problem] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)


def environment(*, autoescape: bool) -> ImmutableSandboxedEnvironment:
    """Return a sandbox without globals and with the allowed filters only.

    The HTML parts need `autoescape`; the text part must not have it, since `&amp;` is wrong there.
    """
    sandbox = ImmutableSandboxedEnvironment(
        autoescape=autoescape, undefined=StrictUndefined, keep_trailing_newline=True
    )
    sandbox.globals.clear()
    sandbox.tests.clear()
    for name in sandbox.filters.copy():
        if name not in FILTERS:
            del sandbox.filters[name]
    return sandbox


_PARSER = environment(autoescape=True)


def check(source: str, fields: Mapping[str, Field], first_line: int = 1) -> Findings:
    """Return every problem of *source*, whose first line is *first_line* of its file.

    Nothing found means that it compiles, and that it can only show declared fields.
    """
    findings = Findings()
    if len(source) > SOURCE_CHARACTERS_MAX:
        sentence = f"the template is longer than {SOURCE_CHARACTERS_MAX:,} characters; shorten it."
        findings.problems.append(Problem(first_line, sentence))
        return findings
    try:
        tree = _PARSER.parse(source)
    except TemplateSyntaxError as error:
        sentence = f"{error.message}; check the {{{{ }}}} and {{% %}} around here."
        findings.problems.append(Problem(error.lineno + first_line - 1, sentence))
        return findings
    except RecursionError:
        findings.problems.append(Problem(first_line, "expressions are nested too deeply."))
        return findings
    _Walker(fields, findings, first_line - 1).visit(tree, dict(fields))
    return findings


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence: the known name most like *name*, or the few there are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; write one of {', '.join(names)}." if len(names) <= 12 else "."


Scope = dict[str, Field]
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Call: "calls are not allowed",
    nodes.Getitem: "brackets are not allowed; write a field and its part with a dot",
    nodes.BinExpr: "calculations are not allowed; every field is ready to be shown",
    nodes.UnaryExpr: "calculations are not allowed; every field is ready to be shown",
    nodes.Import: "other files cannot be read from a template",
    nodes.FromImport: "other files cannot be read from a template",
    nodes.Include: "other files cannot be read from a template",
    nodes.Extends: "other files cannot be read from a template",
}


_PLAIN: frozenset[type[nodes.Node]] = frozenset(
    (
        *(nodes.Template, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Const),
        *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    )
)


class _Walker:
    """Walks a parsed template and notes what the grammar does not allow."""

    def __init__(self, fields: Mapping[str, Field], findings: Findings, line_offset: int) -> None:
        self._fields = fields
        self._findings = findings
        self._line_offset = line_offset

    def visit(self, node: nodes.Node, scope: Scope) -> None:
        """Check *node* and what is below it; *scope* has the fields known at this place."""
        match node:
            case nodes.Name():
                self._name(node, scope)
            case nodes.Getattr():
                self._part(node, scope)
            case nodes.For():
                self._loop(node, scope)
            case nodes.Filter():
                self._filter(node, scope)
            case nodes.Output():
                self._output(node, scope)
            case _ if type(node) in _PLAIN:
                for child in node.iter_child_nodes():
                    self.visit(child, scope)
            case _:
                self._refuse(node)

    def _note(self, node: nodes.Node, sentence: str) -> None:
        # A node that Jinja makes by itself has no line, but what it holds has one.
        lines = (one.lineno for one in (node, *node.find_all(nodes.Node)))
        line = next((each for each in lines if each), 1)
        self._findings.problems.append(Problem(line + self._line_offset, sentence))

    def _refuse(self, node: nodes.Node) -> None:
        reason = next(
            (text for kind, text in _REFUSED.items() if isinstance(node, kind)),
            f"`{type(node).__name__.lower()}` is not allowed",
        )
        self._note(
            node, f"{reason}. Allowed are fields, if, for and these filters: {', '.join(FILTERS)}."
        )

    def _name(self, node: nodes.Name, scope: Scope) -> None:
        if node.name not in scope:
            self._note(node, f"there is no field {node.name}{nearest(node.name, scope)}")
        elif scope[node.name] is self._fields.get(node.name):
            self._findings.used.setdefault(node.name, node.lineno + self._line_offset)

    def _part(self, node: nodes.Getattr, scope: Scope) -> None:
        if not isinstance(node.node, nodes.Name):
            self._note(node, f"only a field has parts; {node.attr} stands after something else.")
            return
        self._name(node.node, scope)
        whole = scope.get(node.node.name)
        if whole is None:
            return
        if whole.kind != "record":
            self._note(node, f"{node.node.name} has no parts; write {{{{ {node.node.name} }}}}.")
        elif node.attr not in whole.items:
            near = nearest(node.attr, whole.items)
            self._note(node, f"{node.node.name} has no part {node.attr}{near}")

    def _loop(self, node: nodes.For, scope: Scope) -> None:
        target, over = node.target, node.iter
        listed = scope.get(over.name) if isinstance(over, nodes.Name) else None
        if (
            not isinstance(target, nodes.Name)
            or not isinstance(over, nodes.Name)
            or listed is None
            or listed.kind != "list"
            or node.recursive
            or node.test is not None
        ):
            lists = [name for name, known in scope.items() if known.kind == "list"]
            self._note(
                node,
                f"a loop goes over a list: write {{% for one in "
                f"{lists[0] if lists else 'LIST'} %}}.",
            )
            return
        if "loop" in scope:
            self._note(node, "a loop inside a loop is not allowed.")
            return
        self._name(over, scope)
        one = Field("record", "one of the list", items=listed.items)
        inner = {**scope, "loop": LOOP, target.name: one}
        for child in node.body:
            self.visit(child, inner)
        for child in node.else_:
            self.visit(child, scope)

    def _filter(self, node: nodes.Filter, scope: Scope) -> None:
        if node.name not in FILTERS:
            self._note(node, f"there is no filter {node.name}{nearest(node.name, FILTERS)}")
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            self._note(node, f"the filter {node.name} takes nothing in brackets.")
        if node.node is not None:
            self.visit(node.node, scope)

    def _output(self, node: nodes.Output, scope: Scope) -> None:
        for child in node.nodes:
            self.visit(child, scope)
            whole = scope.get(child.name) if isinstance(child, nodes.Name) else None
            if whole is None or not isinstance(child, nodes.Name):
                continue
            if whole.kind == "list":
                loop = f"{{% for one in {child.name} %}}"
                self._note(child, f"{child.name} is a list; write {loop} and show its parts.")
            elif whole.kind == "record":
                parts = ", ".join(f"{child.name}.{part}" for part in whole.items)
                self._note(child, f"{child.name} has parts; write one of {parts}.")
