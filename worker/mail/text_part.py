"""The plain-text part of a letter, from the same Markdown as its HTML part."""

from collections.abc import Iterable
from textwrap import indent

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from worker.mail.merge_marks import Marked

SUPPORT_LINK = "brand.support_url"


def text_of(tokens: list[Token], marked: Marked) -> str:
    """Return the letter as plain text with marks: links as `text: address`, items with a dash.

    Blocks end with an empty line and lines of tags with nothing, so a part that is left out leaves
    at most empty lines behind, which the renderer closes up.
    """
    return _blocks(SyntaxTreeNode(tokens).children, marked)


def _blocks(nodes: Iterable[SyntaxTreeNode], marked: Marked) -> str:
    return "".join(_block(node, marked) for node in nodes)


def _block(node: SyntaxTreeNode, marked: Marked) -> str:
    match node.type:
        case "tag_line":
            statements = all(tag.statement for tag in marked.tags_in(node.content))
            return node.content if statements else node.content + "\n\n"
        case "bullet_list" | "ordered_list":
            return _list(node, marked) + "\n"
        case "blockquote":
            return indent(_blocks(node.children, marked).rstrip(), "> ", lambda _: True) + "\n\n"
        case "code_block" | "fence":
            return indent(node.content.rstrip(), "    ") + "\n\n"
        case "hr":
            return "----\n\n"
        case _:
            return _inline(node.children, marked) + "\n\n"


def _list(node: SyntaxTreeNode, marked: Marked) -> str:
    lines = []
    number = int(str(node.attrs.get("start", 1)))
    for child in node.children:
        if child.type == "tag_line":
            lines.append(child.content)
            continue
        lead = "- " if node.type == "bullet_list" else f"{number}. "
        number += 1
        content = _blocks(child.children, marked).strip().replace("\n\n", "\n")
        lines.append(lead + indent(content, " " * len(lead))[len(lead) :] + "\n")
    return "".join(lines)


def _inline(nodes: Iterable[SyntaxTreeNode], marked: Marked) -> str:
    parts = []
    for node in nodes:
        match node.type:
            case "text" | "code_inline":
                parts.append(node.content)
            case "softbreak":
                parts.append(" ")
            case "hardbreak":
                parts.append("\n")
            case "link":
                parts.append(_link(node, marked))
            case _:
                parts.append(_inline(node.children, marked))
    return "".join(parts)


def _link(node: SyntaxTreeNode, marked: Marked) -> str:
    text = _inline(node.children, marked)
    href = str(node.attrs.get("href", ""))
    tag = marked.tag_alone(href)
    address = href.removeprefix("mailto:")
    if text == address or (tag is not None and tag.field == SUPPORT_LINK):
        return text
    return f"{text}: {address}"
