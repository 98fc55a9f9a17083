"""Install what ROS tools look for outside the Python package; pyproject.toml has the metadata.

CMakeLists.txt installs the same files for colcon; test/test_package.py compares the two.
"""

from pathlib import Path

from setuptools import setup

PACKAGE = 'strongsort_ros'
SHARE = f'share/{PACKAGE}'
SHARED_FOLDERS = ('action', 'config', 'launch', 'msg', 'srv')


def files(folder: str) -> list[str]:
    """Return the files directly in a folder."""
    return sorted(str(path) for path in Path(folder).iterdir() if path.is_file())


setup(
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (SHARE, ['package.xml']),
        *((f'{SHARE}/{folder}', files(folder)) for folder in SHARED_FOLDERS),
        (f'lib/{PACKAGE}', files('scripts')),
    ]
)
