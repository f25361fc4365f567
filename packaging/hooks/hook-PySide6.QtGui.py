"""In place of PyInstaller's own: QtGui without the plugins for screens Paddock is never shown on.

They would bring libraries of their own: GTK's plugin all of GTK.
"""

from pathlib import PurePath

from PyInstaller.utils.hooks.qt import add_qt6_dependencies

_NO_PLUGINS = (
    "egldeviceintegrations/",
    "generic/",  # input devices without X11 or Wayland
    "platforms/libqeglfs",
    "platforms/libqlinuxfb",
    "platforms/libqminimal",
    "platforms/libqvkkhrdisplay",
    "platforms/libqvnc",
    "platformthemes/libqgtk3",
)


def _is_needed(source: str) -> bool:
    inside = PurePath(source).as_posix().rpartition("/plugins/")[2]
    return not inside.startswith(_NO_PLUGINS)


hiddenimports, binaries, datas = add_qt6_dependencies(__file__)
binaries = [each for each in binaries if _is_needed(each[0])]
