"""The one style sheet; what the palette can say is left to the palette."""

from __future__ import annotations

from string import Template

from app.theme.colours import Colours

_TEMPLATE = Template("""
QToolTip { color: $text; background: $raised; border: 1px solid $line; padding: 5px 7px; }

QMenuBar { background: $raised; border-bottom: 1px solid $line; padding: 2px 4px; }
QMenuBar::item { padding: 4px 9px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $raised; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 5px 26px 5px 10px; border-radius: 4px; }
QMenu::item:selected { background: $accent; color: $on_accent; }
QMenu::item:disabled { color: $faded; background: transparent; }
QMenu::separator { height: 1px; background: $line; margin: 4px 6px; }
QMenu::icon { padding-left: 6px; }

QToolBar { background: $raised; border: none; border-right: 1px solid $line; padding: 4px; spacing: 2px; }
QToolBar::separator { background: $line; height: 1px; margin: 5px 4px; }
QToolButton { border: 1px solid transparent; border-radius: 6px; padding: 5px; }
QToolButton:hover { background: $hover; }
QToolButton:focus { border-color: $accent; }
QToolButton:checked { background: $accent_soft; border-color: $accent; }
QToolButton:pressed { background: $accent_soft; }

QDockWidget { font-weight: 600; color: $text; titlebar-close-icon: none; titlebar-normal-icon: none; }
QDockWidget::title { background: $window; padding: 7px 10px 5px 4px; text-align: left; }
QTabBar { background: $window; }
QTabBar::tab {
  background: transparent; color: $dim; border: none; border-bottom: 2px solid transparent;
  padding: 4px 10px; margin: 0 0 3px 4px;
}
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:hover { color: $text; background: $hover; }
QMainWindow::separator { background: $line; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: $accent; }

QStatusBar { background: $raised; border-top: 1px solid $line; }
QStatusBar::item { border: none; }
QStatusBar QLabel { color: $dim; padding: 0 7px; }
QStatusBar QToolButton { padding: 1px 6px; color: $dim; }

QDialog[role="popup"] { border: 1px solid $line; border-radius: 0; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }

QLineEdit {
  border: 1px solid $line; border-radius: 5px; padding: 4px 7px; background: $base; min-height: 18px;
}
QLineEdit:focus { border-color: $accent; }
QSpinBox, QComboBox { min-height: 24px; min-width: 110px; }

QPushButton {
  border: 1px solid $line; border-radius: 5px; padding: 5px 14px; background: $raised; min-height: 18px;
}
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
QPushButton:default { background: $accent; border-color: $accent; color: $on_accent; }
QPushButton:disabled { background: $raised; border-color: $line; color: $faded; }

QRadioButton::indicator {
  width: 14px; height: 14px; border: 1px solid $dim; border-radius: 8px; background: $base;
}
QRadioButton::indicator:checked { width: 6px; height: 6px; border: 5px solid $accent; }
QRadioButton::indicator:disabled { border-color: $faded; }

QListView, QTableView, QTreeView, QPlainTextEdit {
  border: 1px solid $line; border-radius: 5px; background: $base; outline: none;
}
QListView::item, QTableView::item { padding: 2px; }
QListView::item:hover, QTableView::item:hover { background: $hover; color: $text; }
QListView::item:selected, QTableView::item:selected { background: $accent_soft; color: $text; }
QListView:focus, QTableView:focus, QTreeView:focus { border-color: $accent; }
QTableView { gridline-color: transparent; }
QHeaderView::section {
  background: $raised; color: $dim; border: none; border-bottom: 1px solid $line; padding: 4px 6px;
}

QGroupBox { border: none; margin-top: 20px; font-weight: 600; }
QGroupBox::title { subcontrol-origin: margin; left: 0; color: $text; }
QGroupBox > QWidget { font-weight: 400; }

QProgressBar {
  border: none; border-radius: 3px; background: $line; min-height: 6px; max-height: 6px; text-align: center;
}
QProgressBar::chunk { background: $accent; border-radius: 3px; }

QScrollBar:vertical { background: transparent; width: 11px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 11px; margin: 0; }
QScrollBar::handle {
  background: $scroll; border-radius: 4px; margin: 2px; min-height: 28px; min-width: 28px;
}
QScrollBar::handle:hover { background: $dim; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QLabel[role="hint"] { color: $dim; }
QLabel[role="title"] { font-size: 22px; font-weight: 600; }
QLabel[role="heading"] { font-weight: 600; }
QLabel[role="sign"] {
  background: $raised; border: 1px solid $line; border-radius: 8px; padding: 9px 16px; font-weight: 600;
}
QFrame[role="prompt"] { background: $raised; border-bottom: 1px solid $line; }
QFrame[role="chip"] { background: $base; border: 1px solid $line; border-radius: 13px; }
QFrame[role="chip"]:hover { border-color: $accent; }
QFrame[role="chip"] QToolButton { padding: 2px 4px; border-radius: 9px; }
QFrame[role="strip"] { background: $raised; border: 1px solid $line; border-radius: 8px; }
QFrame[role="message"] { border: 1px solid $line; border-radius: 6px; background: $raised; }
QFrame[role="message"][kind="caution"] { border-left: 4px solid $caution; }
QFrame[role="message"][kind="fault"] { border-left: 4px solid $bad; }
QFrame[role="message"][kind="info"] { border-left: 4px solid $accent; }
QPushButton[role="large"] { padding: 16px 22px; font-size: 15px; border-radius: 8px; text-align: left; }
QPushButton[role="link"] {
  border: none; background: transparent; color: $accent; padding: 3px 4px; text-align: left;
}
QPushButton[role="link"]:hover { text-decoration: underline; }
QPushButton[role="link"]:focus { border: 1px solid $accent; }
""")


def style_sheet(colours: Colours) -> str:
    """The style sheet in the colours of a theme."""
    return _TEMPLATE.substitute(
        window=colours.window,
        raised=colours.raised,
        base=colours.base,
        line=colours.line,
        text=colours.text,
        dim=colours.dim,
        faded=_mix(colours.dim, colours.window, 0.45),
        accent=colours.accent,
        on_accent=colours.on_accent,
        accent_soft=_mix(colours.accent, colours.base, 0.72),
        hover=colours.hover,
        scroll=_mix(colours.dim, colours.base, 0.55),
        good=colours.good,
        caution=colours.caution,
        bad=colours.bad,
    )


def _mix(one: str, other: str, share: float) -> str:
    """The colour `share` of the way from one to the other."""
    pairs = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
