"""StrongSORT multi-object tracking for ROS 2, and for Python without ROS.

The public names are imported when they are first used, so `import strongsort_ros` itself imports
none of the large libraries.
"""

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongsort_ros.deepsort import DeepSORTTracker, ReIDModel
    from strongsort_ros.pipeline import Pipeline
    from strongsort_ros.refinement.tracks import refine_tracks
    from strongsort_ros.reid.factory import load_extractor
    from strongsort_ros.strongsort import StrongSORT
    from strongsort_ros.tracking.detections import Detections
    from strongsort_ros.tracking.settings import TrackerSettings
    from strongsort_ros.tracking.tracker import Tracker
    from strongsort_ros.tracking.tracks import Tracks

__all__ = [
    'DeepSORTTracker',
    'Detections',
    'Pipeline',
    'ReIDModel',
    'StrongSORT',
    'Tracker',
    'TrackerSettings',
    'Tracks',
    'load_extractor',
    'refine_tracks',
]
__version__ = '0.2.0'

# The generated messages (`strongsort_ros.msg`) may be in another folder of the search path: in a
# sourced ROS workspace, while this package is a checkout or was installed by pip.
__path__ = extend_path(__path__, __name__)

_MODULES = {
    'DeepSORTTracker': 'deepsort',
    'Detections': 'tracking.detections',
    'Pipeline': 'pipeline',
    'ReIDModel': 'deepsort',
    'StrongSORT': 'strongsort',
    'Tracker': 'tracking.tracker',
    'TrackerSettings': 'tracking.settings',
    'Tracks': 'tracking.tracks',
    'load_extractor': 'reid.factory',
    'refine_tracks': 'refinement.tracks',
}


if not TYPE_CHECKING:  # a type checker would take it to allow any name

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
        value = getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
