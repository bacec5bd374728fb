"""`TrainingControl`: the retraining of the open project, from its dialog to the model that is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QMessageBox

from app.jobs.job_list import Job, JobState
from app.jobs.worker import Task, run_task
from app.messages import Message
from app.retraining.status import State, Status
from app.retraining.words import left, percent
from app.training_panel.follower import Follower
from app.training_panel.marks import CompleteMarks
from app.training_panel.run_window import RunWindow

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from app.retraining.run import RetrainingRun
    from app.training_panel.outcome import Outcome

SETUP = "retraining_setup"
"""Object name of `SetupDialog`, which is imported when it is wanted."""

_UNDER_WAY = (State.RUNNING, State.PAUSED)


class TrainingControl(QObject):
    """Finds the run of a project when it is opened, follows it, and does what a person chooses.

    Attributes:
        run: the newest one of the open project; None for none.
        status: how it stands; None before the first look.
        outcome: what came of it; None until it is finished.
        doing: what was chosen and is not done yet; empty for nothing.
        command: program in the place of `python -m training`.
    """

    changed = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.marks = CompleteMarks(window)
        self.run: RetrainingRun | None = None
        self.status: Status | None = None
        self.outcome: Outcome | None = None
        self.doing = ""
        self.command: Sequence[str] | None = None
        self._follower: Follower | None = None
        self._job: Job | None = None
        self._message: Message | None = None
        self._task: Task | None = None
        window.session.project_changed.connect(self._on_project)
        window.link.model_changed.connect(lambda _: self.changed.emit())
        window.link.loading_changed.connect(lambda _: self.changed.emit())

    # ---- what the menu does

    def open_setup(self) -> None:
        """Ask what to do, and begin; while a run is under way, show it."""
        from app.training_panel.setup_dialog import SetupDialog  # formats of exchange wait for it

        window, project = self._window, self._window.session.project
        if project is None:
            return
        if self.status is not None and self.status.state in _UNDER_WAY:
            window.status.say("A retraining is under way")
            self.show_run()
            return
        model = window.link.model.name if window.link.model else window.settings.model()[0]
        dialog = SetupDialog(
            project.path, window.models, model, self._becomes_of_former(), window, command=self.command
        )
        dialog.accepted.connect(lambda: self._begin(dialog.preparation.take()))
        dialog.open()

    def show_run(self) -> None:
        """Show how the newest run of the project stands, or what came of it."""
        if self.run is None:
            self._window.status.say("This project was not retrained on yet")
            return
        opened = self._window.findChild(RunWindow) or RunWindow(self, self._window)
        opened.show()
        opened.raise_()
        opened.activateWindow()

    def _becomes_of_former(self) -> str:
        if self.run is None or self.status is None or (self.outcome and self.outcome.result.installed):
            return ""
        if self.outcome is not None:
            return "The result of the last retraining was neither kept nor discarded: starting discards it."
        return "The last retraining was not finished: starting discards it."

    # ---- a run

    def _begin(self, run: RetrainingRun) -> None:
        project, command = Path(run.plan.project), self.command

        def discard_former() -> None:
            from app.retraining.run import find_runs

            for other in find_runs(project):
                if other.folder != run.folder and not other.alive:
                    other.discard()

        self._follow(run, lambda: run.start(command=command), discard_former)
        self.show_run()

    def _on_project(self) -> None:
        asking = self._window.findChild(QDialog, SETUP)
        if asking is not None:
            asking.reject()  # the project that it asks about is closed
        self._forget()
        project = self._window.session.project
        if project is None:
            return
        path = project.path

        def find(_: Task) -> RetrainingRun | None:
            from app.retraining.run import find_runs

            for run in find_runs(path):
                if run.status().state is not State.PREPARED:
                    return run
            return None

        self._task = run_task(find, lambda run: self._follow(run) if run is not None else None)

    def _follow(self, run: RetrainingRun, *wishes: Callable[[], object]) -> None:
        self._forget()
        self.run = run
        self._follower = Follower(run, self)
        self._follower.changed.connect(self._on_status)
        self._follower.failed.connect(self._on_failure)
        self._follower.do(*wishes)

    def _forget(self) -> None:
        """Follow nothing; a process that runs goes on."""
        if self._task is not None:
            self._task.cancel()
        if self._follower is not None:
            self._follower.stop()
            self._follower.deleteLater()
        if self._job is not None:
            self._job.end(JobState.STOPPED, "It goes on in the background")
        self._dismiss()
        opened = self._window.findChild(RunWindow)
        if opened is not None:
            opened.close()
        self.run, self.status, self.outcome, self.doing = None, None, None, ""
        self._follower, self._job, self._task = None, None, None

    def _on_status(self, status: Status) -> None:
        assert self.run is not None
        former, self.status = self.status, status
        if status.state is State.FINISHED:
            self._read_outcome(self.run)
            return
        self._update_job(status)
        if former is None or former.state is not status.state:
            self.doing = ""
            self._tell(status, found=former is None)
        self.changed.emit()

    def _on_failure(self) -> None:
        self.doing = ""
        self.changed.emit()

    def _read_outcome(self, run: RetrainingRun) -> None:
        def read(_: Task) -> Outcome:
            from app.training_panel.outcome import read_outcome

            return read_outcome(run)

        self._task = run_task(read, self._on_outcome)

    def _on_outcome(self, outcome: Outcome) -> None:
        former, self.outcome, self.doing = self.outcome, outcome, ""
        result = outcome.result
        if former is None:
            before, after = (percent(rows.get("seen")) for rows in (result.before, result.after))
            told = (
                f"AP50 of the trained classes: {before} before, {after} now" if outcome.rows else "Finished"
            )
            if self._job is not None:
                self._job.end(JobState.DONE, told)
                self._job = None
            if not result.installed:
                self._say(f"The retraining is finished. {told}.", "info", {"Show result": self.show_run})
        elif result.installed and not former.result.installed:
            self._say(
                f"The new model is kept as {result.installed}, beside all others.",
                "info",
                {f"Use {result.installed} now": lambda: self.choose("use")},
            )
        self.changed.emit()

    def _update_job(self, status: Status) -> None:
        assert self.run is not None
        if status.state not in _UNDER_WAY:
            if self._job is not None:
                failed = status.state is State.FAILED
                self._job.end(JobState.FAILED if failed else JobState.STOPPED, status.doing)
                self._job = None
            return
        if self._job is None:
            # Nobody else may stop it: closing the window does not.
            self._job = self._window.jobs.add(f"Retraining {Path(self.run.plan.model).name}")
        job, paused = self._job, status.state is State.PAUSED
        job.paused = paused
        job.buttons = {
            "Show…": self.show_run,
            **({"Resume": self._resume} if paused else {"Pause": self._pause}),
            "Stop": self._stop,
        }
        job.progress(status.step, status.steps_total, status.doing, left(status))

    def _tell(self, status: Status, *, found: bool) -> None:
        go_on = {"Show…": self.show_run, "Go on": self._resume}
        if status.state is State.FAILED:
            self._say(
                f"The retraining ended: {status.doing}. Your labels are as they were.", "caution", go_on
            )
        elif status.state is State.STOPPED and found:
            self._say("A retraining of this project was stopped before it was finished.", "info", go_on)
        elif status.state in _UNDER_WAY:
            self._dismiss()

    # ---- what a person chooses

    def choices(self) -> dict[str, str]:
        """What can be done with the run now -> how a button says it; the most likely one comes last."""
        status, outcome = self.status, self.outcome
        if status is None or self.run is None or self.doing:
            return {}
        if outcome is not None:
            return self._choices_of_result(outcome.result.installed)
        return {
            State.RUNNING: {"stop": "Stop", "pause": "Pause"},
            State.PAUSED: {"stop": "Stop", "resume": "Resume"},
            State.STOPPED: {"discard": "Discard…", "resume": "Go on"},
            State.FAILED: {"discard": "Discard…", "resume": "Go on"},
        }.get(status.state, {})

    def _choices_of_result(self, installed: str) -> dict[str, str]:
        assert self.run is not None
        link = self._window.link
        if not installed:
            return {"report": "Open report", "discard": "Discard…", "keep": "Keep"}
        if link.loading:
            return {"report": "Open report"}
        if link.model is not None and link.model.name == installed:
            return {
                "report": "Open report",
                "back": f"Back to {Path(self.run.plan.model).name}",
                "again": "Propose again where nothing was reviewed…",
            }
        return {"report": "Open report", "use": f"Use {installed} now"}

    def choose(self, key: str) -> None:
        """Do what a key of `choices` stands for."""
        {
            "pause": self._pause,
            "resume": self._resume,
            "stop": self._stop,
            "discard": self._ask_to_discard,
            "keep": self._keep,
            "use": self._use,
            "back": self._back,
            "again": lambda: self._window.batching.open_dialog(again=True),
            "report": self._open_report,
        }[key]()

    def _pause(self) -> None:
        self._do("Pausing after this step…", lambda run: run.pause())

    def _resume(self) -> None:
        command = self.command
        self._do("Going on…", lambda run: run.resume() if run.alive else run.start(command=command))

    def _stop(self) -> None:
        self._do("Stopping after this step…", lambda run: run.stop())

    def _keep(self) -> None:
        self._do("Installing the new model…", lambda run: run.keep())

    def _do(self, doing: str, wish: Callable[[RetrainingRun], object]) -> None:
        run, follower = self.run, self._follower
        if run is None or follower is None:
            return
        self._dismiss()
        self.doing = doing
        self.changed.emit()
        follower.do(lambda: wish(run))

    def _use(self) -> None:
        if self.outcome is not None:
            self._dismiss()
            self._window.link.load(self.outcome.result.installed, self._window.settings.model()[1])

    def _back(self) -> None:
        if self.run is not None:
            self._window.link.load(self.run.plan.model, self._window.settings.model()[1])

    def _open_report(self) -> None:
        if self.run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.run.report)))

    def _ask_to_discard(self) -> None:
        what = "the new model" if self.outcome is not None else "what was learned so far"
        box = QMessageBox(
            QMessageBox.Icon.Question,
            "Discard the retraining",
            f"Discard {what}?",
            QMessageBox.StandardButton.Cancel,
            self._window.findChild(RunWindow) or self._window,
        )
        box.setInformativeText("This cannot be undone. Your labels and all other models stay as they are.")
        discard = box.addButton("Discard", QMessageBox.ButtonRole.DestructiveRole)
        discard.clicked.connect(self._discard)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _discard(self) -> None:
        run = self.run
        if run is not None:
            self._forget()
            run_task(
                lambda _: run.discard(), lambda _: self._window.status.say("The retraining is discarded")
            )

    # ---- messages

    def _say(self, text: str, kind: str, buttons: Mapping[str, Callable[[], object]]) -> None:
        self._dismiss()
        message = self._message = self._window.messages.show_message(text, kind)
        for title, slot in buttons.items():
            message.add_button(title, slot)

    def _dismiss(self) -> None:
        if self._message is not None:
            self._window.messages.dismiss(self._message)
            self._message = None
