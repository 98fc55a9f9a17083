"""Optional Python packages: checked when a function needs one."""

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
    'optuna': ("optuna (extra 'tune')", ''),
    'rfdetr': ('rfdetr', ''),
    'supervision': ('supervision', ''),
    'timm': ("timm (extra 'timm')", 'python3-timm-pip'),
    'torch': ("torch (extra 'reid')", 'python3-pytorch-pip'),
    'torchvision': ('torchvision', ''),
    'trackeval': ("'trackeval>=1.3' (extra 'evaluation')", ''),
    'ultralytics': ('ultralytics (AGPL-3.0)', ''),
}
"""Module -> pip requirement, and rosdep key or ''."""


def is_installed(module: str) -> bool:
    """Return whether a module is installed, without importing it."""
    return find_spec(module) is not None


def require(purpose: str, *modules: str) -> None:
    """Check that modules are installed, without importing them.

    Parameters
    ----------
    purpose
        Function that needs them; the error begins with it.
    modules
        Names of top-level modules.

    Raises
    ------
    MissingPackageError
        A module is not installed; the message says how to install it.

    """
    for module in modules:
        if not is_installed(module):
            raise _missing(purpose, module)


def missing_package(error: ModuleNotFoundError) -> MissingPackageError | None:
    """Return the error for a failed import of an optional package; None: it is not one."""
    module = (error.name or '').partition('.')[0]
    return _missing('this', module) if module in _INSTALL else None


def _missing(purpose: str, module: str) -> MissingPackageError:
    name, key = _INSTALL[module]
    rosdep = f' (rosdep key {key})' if key else ''
    return MissingPackageError(
        f'{purpose} needs the Python package {module}, which is not installed: '
        f'pip install {name}{rosdep}'
    )
