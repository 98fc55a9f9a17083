"""Start the tracker: `ros2 launch strongsort_ros tracker.launch.py --show-args` says with what."""

from __future__ import annotations

import os
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue

CONFIG = Path(__file__).parent.parent / 'config'

ARGUMENTS = (
    ('namespace', '', 'Namespace of the node and its topics, such as the name of the camera'),
    ('image', 'image', 'Topic of the images'),
    ('detections', 'detections', 'Topic of the detections (vision_msgs/Detection2DArray)'),
    ('params_file', str(CONFIG / 'tracker.yaml'), 'Parameters; the arguments below come first'),
    ('autostart', 'true', 'Configure and activate; false: a lifecycle manager does it'),
    ('use_sim_time', 'false', 'Take the time of reports from /clock'),
    ('log_level', 'info', 'debug, info, warn, error or fatal'),
    (
        'fastdds_profile',
        str(CONFIG / 'fastdds.xml'),
        'Profile for large images, unless the environment names one; empty: none',
    ),
)
PARAMETERS = ('weights', 'device', 'camera_motion', 'image_transport')
"""Arguments that are parameters, too; left empty, the file decides."""

PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""Of Fast DDS 2 (Jazzy) and 3 (Kilted and later)."""


def start(context: LaunchContext) -> list[Node]:
    """Return the node, with the arguments as they were given."""
    given = context.launch_configurations
    kinds = {name: str for name in PARAMETERS if given[name]}
    kinds |= {'autostart': bool, 'use_sim_time': bool}
    overrides = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in kinds.items()
    }
    profile = given['fastdds_profile']
    if any(name in os.environ for name in PROFILE_VARIABLES):
        profile = ''
    tracker = Node(
        package='strongsort_ros',
        executable='tracker_node',
        name='tracker',
        namespace=given['namespace'],
        parameters=[ParameterFile(given['params_file'], allow_substs=True), overrides],
        remappings=[(name, given[name]) for name in ('image', 'detections') if name != given[name]],
        additional_env=dict.fromkeys(PROFILE_VARIABLES, profile) if profile else {},
        arguments=['--ros-args', '--log-level', given['log_level']],
        output='screen',
        emulate_tty=True,
    )
    return [tracker]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, and start the node."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, default, description in ARGUMENTS
    ]
    arguments += [
        DeclareLaunchArgument(name, default_value='', description=f'Parameter {name}, if not empty')
        for name in PARAMETERS
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])
