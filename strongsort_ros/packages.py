"""Python packages that only some functions need: they are looked for when one of these is used."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from strongsort_ros.errors import MissingPackageError

_INSTALL: Final = {
    'jinja2': ('jinja2', 'python3-jinja2'),
    'joblib': ('joblib', 'python3-joblib'),
    'onnx': ("onnx (extra 'reid')", ''),
    'onnxruntime': ("onnxruntime (extra 'reid'), or onnxruntime-gpu", 'python3-onnxruntime-pip'),
    'rich': ('rich', 'python3-rich'),
    'rosbags': ('rosbags', 'python3-rosbags-pip'),
    'ruamel': ('ruamel.yaml', 'python3-ruamel.yaml'),
    'supervision': ('supervision', ''),
    'timm': ("timm (extra 'timm')", 'python3-timm-pip'),
    'torch': ("torch (extra 'reid')", 'python3-pytorch-pip'),
    'trackeval': ("'trackeval>=1.3' (extra 'evaluation')", ''),
}
"""Module -> what pip installs, and the key of rosdep where there is one."""


def is_installed(module: str) -> bool:
    """Return whether a module can be found; it is not imported."""
    return find_spec(module) is not None


def require(purpose: str, *modules: str) -> None:
    """Check that modules are installed, without importing them.

    Parameters
    ----------
    purpose
        What needs them; the error begins with it.
    modules
        Names of top-level modules.

    Raises
    ------
    MissingPackageError
        One is not installed; the message says how to install it.

    """
    for module in modules:
        if not is_installed(module):
            raise _missing(purpose, module)


def missing_package(error: ModuleNotFoundError) -> MissingPackageError | None:
    """Return the one-line form of a failed import; None: the module is not an optional one."""
    module = (error.name or '').partition('.')[0]
    return _missing('this', module) if module in _INSTALL else None


def _missing(purpose: str, module: str) -> MissingPackageError:
    name, key = _INSTALL[module]
    rosdep = f' (rosdep key {key})' if key else ''
    return MissingPackageError(
        f'{purpose} needs the Python package {module}, which is not installed: '
        f'pip install {name}{rosdep}'
    )
