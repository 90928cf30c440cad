"""Collect every word people read from the sources into `locale/`, and compile what Django reads.

`make words` runs it. It needs nothing but Babel, and writes the same bytes for the same sources, so
catalogues change only where words do. What Python marks with `gettext_noop` is stored in English and
translated for whoever looks at it; mostly that is the board, so such words are in both domains.
"""

import ast
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
LANGUAGES = ("de", "zh_Hans")
DOMAINS = ("django", "djangojs")
FOREIGN = {"benchmarks", "sandbox", "scripts", "tests"}  # Python whose words no user of the portal reads
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
STORED = {"gettext_noop": None}
TEXT = r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
SCRIPT_CALL = re.compile(rf"\b(?:gettext\(\s*{TEXT}|ngettext\(\s*{TEXT},\s*{TEXT})\s*[,)]")
SCRIPT_START = re.compile(r"""\bn?gettext\(\s*["'`]""")

APART = "\x04"  # between the context of a text and the text, as gettext itself has it
# A text, or the singular and the plural of one; translated, as many forms as the language has.
Text = str | tuple[str, ...] | list[str]


class Words(Catalog):
    """A catalogue whose head says only what readers need: no dates, no versions of tools."""

    def __init__(self, language: str) -> None:
        super().__init__(language, fuzzy=False, header_comment="# Before you translate: docs/glossary.md")
        self.language = language

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """The head's lines."""
        return [
            ("Language", self.language),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]


def path_of(language: str, domain: str) -> Path:
    """Where a catalogue is kept; the compiled one lies beside it."""
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.po"


def sources(domain: str) -> list[Path]:
    """The files with words, in a stable order."""
    if domain == "djangojs":
        scripts = (ROOT / "static" / "js").rglob("*.js")
        return sorted(path for path in scripts if "tests" not in path.parts)
    packages = {path.parent for path in ROOT.glob("*/__init__.py")} - {ROOT / name for name in FOREIGN}
    python = (path for package in packages for path in package.rglob("*.py"))
    kept = (path for path in python if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts))
    return [*sorted(kept), *sorted((ROOT / "templates").rglob("*.html"))]


def collect(domain: str) -> list[Text]:
    """Every text of a domain once, in the order of the sources."""
    found = [text for path in sources(domain) for text in texts(path)]
    if domain == "djangojs":
        python = (path for path in sources("django") if path.suffix == ".py")
        found += [text for path in python for text in stored(path)]
    else:
        found += borrowed()
    plurals = {text[0] for text in found if isinstance(text, tuple)}
    return [text for text in dict.fromkeys(found) if text not in plurals]


def texts(path: Path) -> Iterator[Text]:
    """The texts of one file."""
    source = path.read_text()
    if path.suffix == ".js":
        return _script(source, path)
    if path.suffix == ".html":
        # What is left of the markup are letters, but indented as no Python may be.
        lines = templatize(source, origin=str(path)).splitlines()
        source = "\n".join(line.strip() for line in lines)
    return _python(source, KEYWORDS)


def borrowed() -> list[str]:
    """What libraries show on our pages without speaking our languages."""
    lines = (LOCALE / "borrowed.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def stored(path: Path) -> Iterator[Text]:
    """The texts of a Python file that are kept in English and translated where they are shown."""
    return _python(path.read_text(), STORED)


def _python(source: str, keywords: Mapping[str, Any]) -> Iterator[Text]:
    for _line, text, _comments, context in extract("python", io.BytesIO(source.encode()), keywords):
        yield f"{context}{APART}{text}" if context else text


def _script(source: str, path: Path) -> Iterator[Text]:
    """Scripts by pattern, not by a parser: none of those knows templates within templates."""
    calls = list(SCRIPT_CALL.finditer(source))
    if len(calls) != len(SCRIPT_START.findall(source)):
        raise ValueError(f"{path}: gettext takes one plain text in quotes, ngettext two.")
    for call in calls:
        forms = tuple(ast.literal_eval(text) for text in call.groups() if text)
        yield forms if len(forms) > 1 else forms[0]


def read(path: Path) -> Catalog:
    """A catalogue as it is kept; empty if there is none yet."""
    if not path.exists():
        return Catalog()
    with path.open("rb") as file:
        return read_po(file)


def merge(known: Catalog, found: list[Text], language: str) -> Words:
    """What the sources say, with the translations that are known; what they no longer say is dropped."""
    words = Words(language)
    for text in found:
        context, own = parted(text)
        old = known.get(own if isinstance(own, str) else own[0], context)
        kept = old and not old.fuzzy and bool(old.pluralizable) == isinstance(own, tuple)
        words.add(own, old.string if old and kept else "", context=context)
    return words


def parted(text: Text) -> tuple[str | None, Text]:
    """The context of a text, if it has one, and the text itself."""
    if not isinstance(text, str) or APART not in text:
        return None, text
    context, _, own = text.partition(APART)
    return context, own


def text_of(message: Message) -> Text:
    """The text of a message as the sources have it: with its context."""
    return f"{message.context}{APART}{message.id}" if message.context else message.id


def as_source(words: Words) -> bytes:
    """The text form, in which people translate."""
    out = io.BytesIO()
    write_po(out, words, width=0, no_location=True)
    return out.getvalue()


def as_compiled(words: Words) -> bytes:
    """The form that Django reads."""
    out = io.BytesIO()
    write_mo(out, words)
    return out.getvalue()


def update(language: str, domain: str) -> list[Text]:
    """Write a catalogue in both forms; return what has no translation yet."""
    path = path_of(language, domain)
    words = merge(read(path), collect(domain), language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_source(words))
    path.with_suffix(".mo").write_bytes(as_compiled(words))
    return untranslated(words)


def untranslated(catalog: Catalog) -> list[Text]:
    """The texts that lack a translation or one of its forms."""
    return [message.id for message in catalog if message.id and not all(forms(message.string))]


def forms(text: Text | None) -> tuple[str, ...]:
    """All forms of a text: one, or as many as its language has plurals."""
    return (text or "",) if isinstance(text, str) or text is None else tuple(text)


def main() -> None:
    """Update every catalogue and say what is left to translate."""
    for language in LANGUAGES:
        for domain in DOMAINS:
            missing = update(language, domain)
            print(f"{language} {domain}: {len(missing)} without translation")
            for text in missing:
                print(f"  {text}")


if __name__ == "__main__":
    main()
