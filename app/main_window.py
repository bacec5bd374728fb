"""The main window: puts its parts together and keeps title, status bar and actions true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QColor, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from app import errors
from app.actions import ACTIONS, WindowState
from app.actions.registry import ActionRegistry
from app.canvas.canvas import Canvas
from app.canvas.commands import SelectionCommands
from app.canvas_binding import CanvasBinding
from app.docks import ClassesPanel, ImagesPanel, ObjectsPanel
from app.empty_state import EmptyState
from app.image_loading import ImageLoader, LoadedImage
from app.jobs.job_list import Job, JobList, JobState
from app.jobs.panel import JobsPanel
from app.loading_sign import LoadingSign
from app.messages import MessageBar
from app.models.library import ModelLibrary
from app.navigator import Navigator
from app.opening import Opener
from app.project import Change, ImageRecord
from app.project_editor import ProjectEditor
from app.proposals.assistant import Assistant
from app.proposals.batch_control import BatchControl
from app.proposals.engine_link import EngineLink
from app.proposals.mask_finder import MaskFinder
from app.proposals.proposals import Proposals
from app.proposals.review_control import ReviewControl
from app.session import Session
from app.settings import Settings
from app.status_bar import StatusBar
from app.theme import apply_theme
from app.training_panel.control import TrainingControl
from app.window_commands import WindowCommands
from zsi_core.errors import ZsiError

TITLE = "ZSI Annotator"
_MEGABYTE = 1024 * 1024


class MainWindow(QMainWindow):
    """Everything a person sees. `open_paths` and the actions of the registry drive it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.North)
        self.settings = settings
        self.session = Session(self)
        self.jobs = JobList(self)
        self._step_job: Job | None = None
        self._outdated = False
        self.link = EngineLink(settings, self)
        self.models = ModelLibrary(self.link, self)
        self.registry = ActionRegistry(self, ACTIONS)
        self.canvas = Canvas(ProjectEditor(self.session, MaskFinder(self.session, self.link)))
        self.canvas.setObjectName("canvas")
        self.canvas.setAccessibleName("Image")
        self.commands = SelectionCommands(self.canvas)
        self.proposals = Proposals(self.session, self.link, self._likely_next, self)
        self.binding = CanvasBinding(self.session, self.canvas, self.proposals)
        self.loader = ImageLoader(settings.number("image_cache_mb") * _MEGABYTE, self)
        self.opener = Opener(self.session, self.jobs, self)
        self._build_middle()
        self._build_docks()
        self._build_recent_menu()
        self._build_tool_bar()
        self.status = StatusBar(self.jobs, self)
        self.setStatusBar(self.status)
        self.navigator = Navigator(
            self.session, self.loader, self.images.model, lambda: self.canvas.drawing, self
        )
        self.window_commands = WindowCommands(self)
        self.assistant = Assistant(self)
        self.reviewing = ReviewControl(self)
        self._connect()
        self.batching = BatchControl(self)  # last: a project that is opened clears the message bar
        self.training = TrainingControl(self)
        self.apply_settings()
        self._first_layout = self.saveState()
        self._restore_layout()
        self._on_project()

    # ---- building

    def _build_middle(self) -> None:
        self.empty = EmptyState(self.registry)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.canvas)
        middle = QWidget()
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.pages, 1)
        self.messages = MessageBar(self.pages)
        self.loading = LoadingSign(self.pages)
        self.setCentralWidget(middle)

    def _build_docks(self) -> None:
        self.classes = ClassesPanel(self.session, self.settings)
        self.objects = ObjectsPanel(self.session, self.canvas, self.proposals)
        self.images = ImagesPanel(self.session)
        self.jobs_panel = JobsPanel(self.jobs)
        self.docks: dict[str, QDockWidget] = {}
        right = Qt.DockWidgetArea.RightDockWidgetArea
        for name, panel in (
            ("Classes", self.classes),
            ("Objects", self.objects),
            ("Images", self.images),
            ("Jobs", self.jobs_panel),
        ):
            dock = QDockWidget(name, self)
            dock.setObjectName(f"dock_{name.lower()}")
            dock.setWidget(panel)
            dock.setAccessibleName(name)
            self.docks[name] = dock
            self.addDockWidget(right, dock)
        self.docks["Jobs"].hide()
        view = self.registry.menus["View"]
        before = self.registry["reset_layout"]
        for dock in self.docks.values():
            if dock is not self.docks["Jobs"]:
                view.insertAction(before, dock.toggleViewAction())
        view.insertSeparator(before)

    def _build_recent_menu(self) -> None:
        menu = QMenu("Open &recent", self)
        menu.setObjectName("menu_recent")
        self.registry.menus["File"].insertMenu(self.registry["open_demo"], menu)

        def fill() -> None:
            menu.clear()
            for path in self.settings.recent_projects():
                menu.addAction(str(path)).triggered.connect(
                    lambda _=False, path=path: self.open_paths([path])
                )
            if menu.isEmpty():
                menu.addAction("No project was opened yet").setEnabled(False)

        menu.aboutToShow.connect(fill)

    def _build_tool_bar(self) -> None:
        self.tool_bar = QToolBar("Tools")
        self.tool_bar.setObjectName("tool_bar")
        self.tool_bar.setIconSize(QSize(22, 22))
        self.tool_bar.setMovable(False)
        self.registry.fill_tool_bar(self.tool_bar)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self.tool_bar)
        self.registry["jobs"].setChecked(False)

    def _connect(self) -> None:
        session, canvas = self.session, self.canvas
        self.registry.work_in(canvas, canvas=True)
        self.registry.work_in(self.objects.list)
        self.registry.work_in(self.images.list)
        session.project_changed.connect(self._on_project)
        session.changed.connect(self._on_change)
        session.told.connect(self._update_now)
        self.objects.listed.connect(self._update)
        session.long_step_changed.connect(self._on_long_step)
        session.image_changed.connect(lambda _: self._update())
        session.class_changed.connect(lambda _: self._update())
        session.said.connect(self.status.say)
        session.failed.connect(lambda _: self.status.save_state.setText("Not saved"))
        canvas.message.connect(self.status.say)
        canvas.selection_changed.connect(lambda _: self._update())
        self.reviewing.review.changed.connect(self._update)
        canvas.cursor_moved.connect(self.status.show_cursor)
        canvas.zoom_changed.connect(lambda zoom: self.status.show_zoom(zoom if self.session.image else None))
        self.images.wanted.connect(self.navigator.go_to)
        self.navigator.shown.connect(self._show_image)
        self.navigator.refined.connect(lambda loaded: self.canvas.replace_pixels(loaded.image))
        self.navigator.gone.connect(self._show_nothing)
        self.navigator.reading.connect(self.loading.follow)
        self.navigator.changed_on_disk.connect(self._tell_changed)
        self.opener.opened.connect(self._on_opened)
        self.opener.filled.connect(self._show_first)
        self.opener.problem.connect(lambda text: self.messages.show_message(text, "caution"))
        self.link.problem.connect(lambda text: self.messages.show_message(text, "caution"))
        self.empty.recent_wanted.connect(lambda path: self.open_paths([path]))
        self.status.job_button.clicked.connect(lambda: self.docks["Jobs"].show())
        self.settings.changed.connect(lambda _: self.apply_settings())
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self.apply_settings)

    # ---- opening

    def open_paths(self, paths: list[Path]) -> None:
        """Open folders, image files or a project; what is wrong with them is told in the message bar."""
        try:
            self.opener.open_paths(paths)
        except ZsiError as error:
            errors.report_exception(error)

    def open_demo(self) -> None:
        """Open the project with the demo pictures."""
        try:
            self.opener.open_demo()
        except ZsiError as error:
            errors.report_exception(error)

    def _on_opened(self, path: Path) -> None:
        self.settings.remember_project(path)
        self._show_first()

    def _show_first(self) -> None:
        project = self.session.project
        if project is not None and self.navigator.wanted is None and self.images.model.ids:
            self.navigator.start(self.settings.last_image(project.path) or self.opener.first_image)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.open_paths([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    # ---- following the project

    def _on_project(self) -> None:
        project = self.session.project
        self.messages.clear()
        if project is not None and project.read_only:
            self.messages.show_message(f"Read-only: {project.read_only}", "caution")
            self.canvas.set_tool("select")
        if project is None:
            self._show_nothing()
        self.classes.setEnabled(project is not None)
        self.empty.show_recent(self.settings.recent_projects())
        self._update()

    def _on_long_step(self, title: str) -> None:
        if title:
            self._step_job = self.jobs.add(title)
        elif self._step_job is not None:
            self._step_job.end(JobState.DONE)
        self._update()

    def _on_change(self, change: Change) -> None:
        self.status.save_state.setText("Saved")
        if change.images or change.classes or change.info or change.image_list:  # more than settings
            self._update()

    def _show_image(self, record: ImageRecord, loaded: LoadedImage) -> None:
        self.canvas.set_image(loaded.image, loaded.size)
        self.binding.reload()
        self.reviewing.review.image_shown()
        self.pages.setCurrentWidget(self.canvas)
        self.status.show_image(loaded.size)
        self.status.show_zoom(self.canvas.zoom)
        if self.session.project is not None:
            self.settings.remember_image(self.session.project.path, record.name)
        if self.focusWidget() in (None, self.empty, self) or self.empty.isAncestorOf(self.focusWidget()):
            self.canvas.setFocus()
        self._update()

    def _likely_next(self, image_id: int) -> list[str]:
        return [str(record.path) for record in self.images.model.neighbours(image_id, 1)]

    def _show_nothing(self) -> None:
        self.canvas.set_image(None)
        self.reviewing.review.image_shown()
        self.pages.setCurrentWidget(self.empty)
        self.status.show_image(None)
        self.status.show_cursor(None)
        self.status.show_zoom(None)
        self._update()

    def _tell_changed(self, record: ImageRecord, size: tuple[int, int]) -> None:
        self.messages.show_message(
            f"{record.name} changed on disk: it was {record.width} x {record.height} pixels and is now "
            f"{size[0]} x {size[1]}. Check its objects, or put the former file back.",
            "caution",
        )

    def state(self) -> WindowState:
        """What decides which actions are possible."""
        session = self.session
        undo, redo = session.labels()
        return WindowState(
            project=session.project is not None,
            writable=session.writable,
            image=session.image_id is not None,
            images=len(self.images.model.ids),
            selected=len(self.canvas.selection),
            objects=self.objects.number,
            proposals=len(self.reviewing.review.waiting),
            copied=self.commands.can_paste,
            undo=undo,
            redo=redo,
        )

    def _update(self) -> None:
        """Follow what changed; once, where many tell of the same change of the project."""
        self._outdated = True
        if not self.session.telling:
            self._update_now()

    def _update_now(self) -> None:
        if not self._outdated:
            return
        self._outdated = False
        state = self.state()
        self.registry.update(state)
        self.window_commands.show_state()
        self.status.show_objects(state.objects, state.selected)
        if not state.image:
            self.status.objects.setText("")
        if not state.project:
            self.status.save_state.setText("")
        elif not state.writable:
            self.status.save_state.setText("Read-only")
        elif not self.status.save_state.text():
            self.status.save_state.setText("Saved")
        self.setWindowTitle(self._title())

    def _title(self) -> str:
        record, project = self.session.image, self.session.project
        if record is not None:
            row, total = self.images.model.row_of(record.id), len(self.images.model.ids)
            place = f" ({row + 1:,} / {total:,})" if row >= 0 else ""
            return f"{record.name}{place}"
        return project.path.stem if project is not None else TITLE

    # ---- settings and layout

    def apply_settings(self) -> None:
        """Put the settings in force."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        colours = apply_theme(application, self.settings.text("theme"))
        self.canvas.set_surround(QColor(colours.canvas))
        self.registry.refresh_icons()
        self.classes.refresh_icons()
        self.assistant.refresh_icons()
        self.empty.refresh_icons()
        self.canvas.set_settings(
            replace(
                self.canvas.settings,
                wheel_zooms=self.settings.flag("wheel_zooms"),
                opacity=self.settings.number("fill_percent") / 100,
            )
        )
        self.proposals.automatic = self.settings.flag("propose_on_open")
        self.loader.set_budget(self.settings.number("image_cache_mb") * _MEGABYTE)

    def reset_layout(self) -> None:
        """Docks, bars and their sizes as at the first start."""
        self.restoreState(self._first_layout)
        self._size_docks()

    def _size_docks(self) -> None:
        docks = [self.docks[name] for name in ("Classes", "Objects", "Images")]
        self.resizeDocks(docks, [300] * 3, Qt.Orientation.Horizontal)
        self.resizeDocks(docks, [280, 150, 300], Qt.Orientation.Vertical)

    def _restore_layout(self) -> None:
        layout = self.settings.layout()
        if layout is None:
            screen = self.screen().availableGeometry()
            self.resize(min(1440, screen.width() * 9 // 10), min(900, screen.height() * 9 // 10))
            self._size_docks()
            return
        self.restoreGeometry(layout[0])
        self.restoreState(layout[1])

    def closeEvent(self, event: QCloseEvent) -> None:
        self.settings.remember_layout(self.saveGeometry(), self.saveState())
        self.opener.stop()
        self.jobs.stop_all()
        self.link.close()
        self.session.close()
        self.loader.forget()
        self.settings.save()
        event.accept()
