"""Every setting, declared once: store, dialog and their tests are made from this list."""

from __future__ import annotations

from dataclasses import dataclass, field

Value = bool | int | str


@dataclass(frozen=True)
class Option:
    """A setting.

    Attributes:
        key: its name in the file of settings, and in code.
        default: also says the type: bool, int or str.
        section: heading in the dialog.
        label: what it is, as a person reads it.
        help: what it does, one sentence.
        choices: value -> label, for a str that is one of a few.
        minimum, maximum, step: bounds of an int.
        suffix: unit shown behind an int.
    """

    key: str
    default: Value
    section: str
    label: str
    help: str
    choices: dict[str, str] = field(default_factory=dict)
    minimum: int = 0
    maximum: int = 100
    step: int = 1
    suffix: str = ""

    def checked(self, value: object) -> Value:
        """`value` if it is one that this option may have, else the default.

        Files of settings are edited by hand and outlive versions, so a value of another kind is no error.
        """
        if isinstance(self.default, bool):
            return (
                value
                if isinstance(value, bool)
                else {"true": True, "false": False}.get(str(value).lower(), self.default)
            )
        if isinstance(self.default, int):
            try:
                number = int(str(value))
            except ValueError:
                return self.default
            return min(max(number, self.minimum), self.maximum)
        text = str(value)
        return text if text in self.choices else self.default


OPTIONS: tuple[Option, ...] = (
    Option(
        "theme",
        "system",
        "Window",
        "Theme",
        "Colours of the window.",
        choices={"system": "As the system", "light": "Light", "dark": "Dark"},
    ),
    Option(
        "reopen_last",
        False,
        "Window",
        "Open the last project at start",
        "When the program is started without a file or folder.",
    ),
    Option(
        "wheel_zooms",
        False,
        "Images",
        "Mouse wheel zooms",
        "Otherwise it scrolls, and Ctrl + wheel zooms.",
    ),
    Option(
        "fill_percent",
        25,
        "Images",
        "Fill of objects",
        "How much the colour of its class covers an object; O shows outlines only.",
        maximum=80,
        step=5,
        suffix=" %",
    ),
    Option(
        "image_cache_mb",
        256,
        "Images",
        "Memory for decoded images",
        "Neighbours of the image in view are read ahead into it.",
        minimum=64,
        maximum=8192,
        step=64,
        suffix=" MB",
    ),
    Option(
        "propose_on_open",
        True,
        "Assistant",
        "Propose when an image is opened",
        "Asks the model for the names above the image; I asks at any time.",
    ),
    Option(
        "autosuggest",
        True,
        "Classes",
        "Suggest names while typing",
        "Offers the classes of this project that match what was typed.",
    ),
    Option(
        "ask_before_deleting_class",
        True,
        "Classes",
        "Ask before a class with objects is deleted",
        "Deleting can be undone either way.",
    ),
)
