"""One language as its Fluent files say it: `data/texts/<language>.ftl`, `data/texts/<language>/*.ftl`.

Reading is tolerant: an entry that is no Fluent is passed over, so that a slip in a translation costs one
English sentence and not the start. `Translation.faults` names each; a test asks for there being none.
"""

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fluent.syntax.ast import BaseNode

SUFFIX: Final = ".ftl"
DEFAULT_LANGUAGE: Final = "en"


class Translation:
    """The messages of one language, by their Fluent ids. Plurals and decimals are those of the language."""

    def __init__(self, language: str, sources: Mapping[str, str]) -> None:
        """`sources`: name of a file -> its content."""
        # 80 ms with all it brings: only for a process that speaks.
        from fluent.runtime import FluentBundle, FluentResource
        from fluent.syntax.ast import Junk, Message, Term

        self.language: Final = language
        self._bundle = FluentBundle([language], use_isolating=False)
        self._messages: dict[str, Message] = {}
        self._terms: dict[str, Term] = {}
        self._variables: dict[str, frozenset[str]] = {}
        self.faults: Final[list[str]] = []
        for name, source in sources.items():
            resource = FluentResource(source)
            for entry in resource.body:
                if isinstance(entry, Junk):
                    self._fault(name, f"is not Fluent: {(entry.content or '').strip()[:60]!r}")
                elif isinstance(entry, Message):
                    if entry.id.name in self._messages:
                        self._fault(name, f"says {entry.id.name} again")
                    self._messages.setdefault(entry.id.name, entry)
                elif isinstance(entry, Term):
                    self._terms.setdefault(entry.id.name, entry)
            self._bundle.add_resource(resource)

    @cached_property
    def ids(self) -> frozenset[str]:
        """Asked for with every text: counted once."""
        return frozenset(name for name, entry in self._messages.items() if entry.value)

    def variables(self, name: str) -> frozenset[str]:
        """The facts a message asks for, those of messages it mentions too. Raises KeyError."""
        found = self._variables.get(name)
        if found is None:
            found = frozenset(self._asked(self._messages[name], {name}))
            self._variables[name] = found
        return found

    def fill(self, name: str, facts: Mapping[str, Any]) -> str:
        """Facts are texts and Fluent numbers. Raises KeyError for an unknown id."""
        pattern = self._bundle.get_message(name).value
        if pattern is None:
            raise KeyError(name)
        said, _ = self._bundle.format_pattern(pattern, dict(facts))
        return str(said)

    def _fault(self, name: str, problem: str) -> None:
        self.faults.append(f"{self.language}/{name} {problem}")

    def _asked(self, node: "BaseNode", seen: set[str]) -> Iterator[str]:
        from fluent.syntax.ast import MessageReference, TermReference, VariableReference

        for one in _nodes(node):
            if isinstance(one, VariableReference):
                yield one.id.name
            elif isinstance(one, MessageReference | TermReference):
                shelf = self._messages if isinstance(one, MessageReference) else self._terms
                mentioned = shelf.get(one.id.name)
                if mentioned is None:
                    self._fault("", f"mentions {one.id.name}, which there is not")
                elif one.id.name not in seen:
                    yield from self._asked(mentioned, seen | {one.id.name})


@cache
def translation(language: str) -> Translation:
    """Read when first asked for. Raises KeyError for a language without files."""
    folder, sources = _folder(), dict[str, str]()
    single, topics = folder / f"{language}{SUFFIX}", folder / language
    if single.is_file():
        sources[single.name] = single.read_text(encoding="utf-8")
    if topics.is_dir():
        for file in sorted(topics.iterdir(), key=lambda one: one.name):
            if file.name.endswith(SUFFIX):
                sources[file.name] = file.read_text(encoding="utf-8")
    if not sources:
        raise KeyError(language)
    return Translation(language, sources)


@cache
def languages() -> tuple[str, ...]:
    """Every language there are files of, English first: `pt.ftl` or a folder `pt` is Portuguese."""
    found = {_language(entry) for entry in _folder().iterdir()} - {""}
    return (DEFAULT_LANGUAGE, *sorted(found - {DEFAULT_LANGUAGE}))


def _language(entry: Traversable) -> str:
    if entry.is_file():
        return entry.name.removesuffix(SUFFIX) if entry.name.endswith(SUFFIX) else ""
    spoken = any(file.name.endswith(SUFFIX) for file in entry.iterdir())
    return entry.name if spoken else ""


def _folder() -> Traversable:
    return files("schemas.data") / "texts"


def _nodes(node: Any) -> Iterator["BaseNode"]:
    """A node of the syntax tree and all below it."""
    from fluent.syntax.ast import BaseNode

    if isinstance(node, BaseNode):
        yield node
        for child in vars(node).values():
            yield from _nodes(child)
    elif isinstance(node, list | tuple):
        for child in node:
            yield from _nodes(child)
