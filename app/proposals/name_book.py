"""`NameBook`: what the model makes of typed names, asked once for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future

from PySide6.QtCore import QObject, Signal

from app.proposals.engine_link import EngineLink
from app.proposals.prompt import Prompt
from zsi_core.engine.replies import ModelInfo, NameReport, NamesReport
from zsi_core.engine.requests import DescribeNames
from zsi_core.semantics.names import class_key, synonyms


class NameBook(QObject):
    """Knows the names of all chips, and others on demand.

    Attributes:
        near_duplicates: pairs of phrases of the chips that nearly coincide, with their cosine.
    """

    changed = Signal()
    """More names are known, or another model knows other ones."""

    def __init__(self, link: EngineLink, prompt: Prompt, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._prompt = link, prompt
        self._reports: dict[str, NameReport] = {}
        self._seen: set[str] = set()
        self.near_duplicates: tuple[tuple[str, str, float], ...] = ()
        link.model_changed.connect(self._on_model)
        prompt.changed.connect(self.learn_chips)

    def report(self, phrase: str) -> NameReport | None:
        """What a name became; None as long as nobody knows."""
        return self._reports.get(phrase)

    def is_seen(self, phrase: str) -> bool | None:
        """Whether the model was trained on a class of this name; None without a model."""
        if self._link.model is None:
            return None
        return any(class_key(name) in self._seen for name in synonyms(phrase))

    def resolved_as(self, phrase: str) -> str:
        """The entries of the word table that stand for a name, for provenance."""
        report = self._reports.get(phrase)
        return " + ".join(report.used) if report and report.used else phrase

    def learn(self, phrase: str, then: Callable[[NameReport], object]) -> None:
        """Ask about one name that is being typed; a newer one replaces it."""
        known = self._reports.get(phrase)
        if known is not None:
            then(known)
        elif self._link.ready:
            self._link.ask(
                DescribeNames((phrase,)), lambda reply: self._keep(reply, then), topic="typed name"
            )

    def learn_chips(self) -> None:
        """Ask about all chips, and how close they are to each other."""
        if not self._link.ready or not self._prompt.phrases:
            self.near_duplicates = ()
            self.changed.emit()
            return
        self._link.ask(DescribeNames(self._prompt.phrases), self._take_chips, topic="names of the chips")

    def learn_before(
        self, then: Callable[[], object], error: Callable[[Exception], object]
    ) -> Future[NamesReport]:
        """Ask about all chips for somebody who waits for it."""

        def take(reply: NamesReport) -> None:
            self._take_chips(reply)
            then()

        return self._link.ask(DescribeNames(self._prompt.phrases), take, error)

    def unknown(self, phrases: Sequence[str]) -> list[str]:
        """Those that nobody has asked about yet."""
        return [phrase for phrase in phrases if phrase not in self._reports]

    def askable(self, phrases: Sequence[str]) -> tuple[str, ...]:
        """Those that have a word vector."""
        return tuple(
            phrase for phrase in phrases if (report := self._reports.get(phrase)) and not report.problem
        )

    def _take_chips(self, reply: NamesReport) -> None:
        self.near_duplicates = reply.near_duplicates
        self._keep(reply)

    def _keep(self, reply: NamesReport, then: Callable[[NameReport], object] | None = None) -> None:
        self._reports.update({report.name: report for report in reply.names})
        self.changed.emit()
        if then is not None:
            then(reply.names[0])

    def _on_model(self, model: ModelInfo) -> None:
        self._reports.clear()
        self._seen = {class_key(name) for name in model.seen}
        self.learn_chips()
