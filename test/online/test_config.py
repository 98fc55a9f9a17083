"""ROS parameter files, read without ROS."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.online.config import TrackerNodeConfig, load_parameter_file
from strongsort_ros.tracking.settings import TrackerSettings

CONFIG = Path(__file__).parents[2] / 'config'


def load(folder: Path, text: str) -> TrackerNodeConfig:
    path = folder / 'robot.yaml'
    path.write_text(text)
    return load_parameter_file(path)


def test_the_installed_parameter_files() -> None:
    assert load_parameter_file(CONFIG / 'tracker.yaml') == TrackerNodeConfig()
    deepsort = load_parameter_file(CONFIG / 'deepsort.yaml')
    assert deepsort.tracker == TrackerSettings.deepsort()
    assert deepsort.node.camera_motion == 'none'


def test_sections_namespaces_and_nested_names(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        /**:
          ros__parameters: {max_age: 10, n_init: 2, use_sim_time: true}
        front:
          tracker:
            ros__parameters:
              max_age: 50
              ecc: {max_shift: 0.2}
              qos_overrides: {/front/image: {subscription: {depth: 3}}}
          detector:
            ros__parameters: {model: large}
        """,
    )
    assert (settings.tracker.max_age, settings.tracker.n_init) == (50, 2)
    assert settings.motion.max_shift == 0.2


@pytest.mark.parametrize(
    ('text', 'what'),
    [
        ('/**: {ros__parameters: {max_aeg: 3}}', 'parameter max_aeg; did you mean max_age'),
        ('/**: {ros__parameters: {' + 'x' * 900 + ': 3}}', 'unknown parameter x'),
        ('/**: {ros__parameters: {max_age: ' + 'x' * 5000 + '}}', 'max_age: .* not a number'),
        ('/**: {ros__parameters: {max_age: 1' + '0' * 400 + '}}', 'line 1: not YAML'),
        ('/**: &a {ros__parameters: *a}', 'line 1: not YAML: aliases'),
        ('/**: {ros__parameters: {max_age: -3}}', r'max_age: -3, expected at least 0'),
        ('/**: {ros__parameters: {max_age: long}}', r"max_age: 'long' is not a number"),
        ('/other: {ros__parameters: {max_age: 3}}', 'no ros__parameters of all nodes'),
        ('[1, 2]', 'no ros__parameters'),
        ('', 'no ros__parameters'),
        ('a: [', 'not YAML'),
        ('a: !!python/object/apply:os.system [ls]', 'not YAML'),
    ],
)
def test_errors_name_the_parameter(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as raised:
        load(tmp_path, text)
    assert len(str(raised.value)) < 800


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'missing\.yaml: cannot read it'):
        load_parameter_file(tmp_path / 'missing.yaml')


def test_a_preset_sets_defaults_and_given_parameters_count(tmp_path: Path) -> None:
    """The order in the file does not matter."""
    text = """
        tracker:
          ros__parameters: {max_age: 50, preset: strongsort, nsa: false}
        """
    settings = load(tmp_path, text)
    expected = TrackerSettings.strongsort().replace(max_age=50, nsa=False)
    assert (settings.node.preset, settings.tracker) == ('strongsort', expected)
    with pytest.raises(InputError, match="preset: 'sort' is not one of: robust, strongsort"):
        load(tmp_path, 'tracker: {ros__parameters: {preset: sort}}')
