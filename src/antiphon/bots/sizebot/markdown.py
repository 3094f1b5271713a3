"""Parts of a reply in compact Markdown."""

from collections.abc import Iterable, Sequence

BRANDS = "_Brands cut differently: check the maker's own chart, and the return terms._"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def paragraphs(*parts: str) -> str:
    """Join the parts that are not empty."""
    return "\n\n".join(part for part in parts if part)


def wanted(rows: Sequence[tuple[str, str]], systems: Sequence[str]) -> str:
    """Name the sizes of the systems asked for: ``UK **8.5**``; all is nothing special."""
    found = []
    for system in systems:
        for title, size in rows:
            names = title.translate(str.maketrans("(),/", "    ")).split()
            if system in names and f"{title} **{size}**" not in found:
                found.append(f"{title} **{size}**")
    return ", ".join(found)


def listed(words: Sequence[str], last: str = "or") -> str:
    """Write an enumeration."""
    if len(words) < 2:  # noqa: PLR2004 - one word needs no conjunction
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
