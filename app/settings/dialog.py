"""The dialog of settings, generated from the schema; what is changed takes effect at once."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.settings.schema import OPTIONS, Option
from app.settings.store import Settings


class SettingsDialog(QDialog):
    """One group for every section of the schema."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settings_dialog")
        self.setWindowTitle("Settings")
        self.setMinimumWidth(480)
        self._settings = settings
        self.editors: dict[str, QCheckBox | QSpinBox | QComboBox] = {}
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        for section in dict.fromkeys(option.section for option in OPTIONS):
            layout.addWidget(self._group(section))
        layout.addStretch()
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.RestoreDefaults | QDialogButtonBox.StandardButton.Close
        )
        buttons.rejected.connect(self.close)
        restore = buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults)
        restore.setAutoDefault(False)
        restore.clicked.connect(self._restore)
        layout.addWidget(buttons)

    def _group(self, section: str) -> QGroupBox:
        group = QGroupBox(section)
        form = QFormLayout(group)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(3)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
        for option in OPTIONS:
            if option.section != section:
                continue
            editor = self._editor(option)
            editor.setObjectName(f"setting_{option.key}")
            editor.setAccessibleName(option.label)
            editor.setAccessibleDescription(option.help)
            self.editors[option.key] = editor
            if isinstance(editor, QCheckBox):
                form.addRow(editor)
            else:
                label = QLabel(option.label)
                label.setBuddy(editor)
                label.setMinimumHeight(editor.sizeHint().height())
                form.addRow(label, editor)
            form.addRow(_help(option.help))
        return group

    def _editor(self, option: Option) -> QCheckBox | QSpinBox | QComboBox:
        key = option.key
        if isinstance(option.default, bool):
            box = QCheckBox(option.label)
            box.setChecked(self._settings.flag(key))
            box.toggled.connect(lambda checked: self._settings.set_value(key, checked))
            return box
        if isinstance(option.default, int):
            spin = QSpinBox()
            spin.setRange(option.minimum, option.maximum)
            spin.setSingleStep(option.step)
            spin.setSuffix(option.suffix)
            spin.setValue(self._settings.number(key))
            spin.valueChanged.connect(lambda number: self._settings.set_value(key, number))
            return spin
        combo = QComboBox()
        for value, label in option.choices.items():
            combo.addItem(label, value)
        combo.setCurrentIndex(combo.findData(self._settings.text(key)))
        combo.currentIndexChanged.connect(lambda _: self._settings.set_value(key, combo.currentData()))
        return combo

    def _restore(self) -> None:
        self._settings.reset()
        for key, editor in self.editors.items():
            if isinstance(editor, QCheckBox):
                editor.setChecked(self._settings.flag(key))
            elif isinstance(editor, QSpinBox):
                editor.setValue(self._settings.number(key))
            else:
                editor.setCurrentIndex(editor.findData(self._settings.text(key)))


def _help(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "hint")
    label.setWordWrap(True)
    label.setContentsMargins(0, 0, 0, 8)
    return label
