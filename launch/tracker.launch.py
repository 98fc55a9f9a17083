"""Start the tracker, for one or several cameras.

`ros2 launch strongsort_ros tracker.launch.py --show-args` lists the arguments.
"""

from __future__ import annotations

import re
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch.utilities.type_utils import coerce_to_type
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue

from strongsort_ros.nodes.ros_environment import EndWithNode, enclave_of, profile_environment

CONFIG = Path(__file__).parent.parent / 'config'

DEFAULTS = str(CONFIG / 'tracker.yaml')

ARGUMENTS = (
    ('namespace', '', 'Namespace of the node and its topics'),
    (
        'cameras',
        '',
        'Camera names, such as front,rear: a node and a namespace for each',
    ),
    ('image', 'image', 'Topic of the images'),
    ('detections', 'detections', 'Topic of the detections (vision_msgs/Detection2DArray)'),
    (
        'params_file',
        DEFAULTS,
        'Parameter file; the next arguments override it; with a preset, not the default file',
    ),
    ('autostart', 'true', 'Configure and activate; false: leave it to a lifecycle manager'),
    ('respawn', 'true', 'Restart the node when it ends'),
    ('respawn_max_retries', '5', 'Largest number of restarts; -1: no limit'),
    ('required', 'true', 'End the launch with status 1 when the node fails and is not restarted'),
    ('use_sim_time', 'false', 'Take the time of diagnostics from /clock'),
    ('log_level', 'info', 'debug, info, warn, error or fatal'),
    (
        'fastdds_profile',
        str(CONFIG / 'fastdds.xml'),
        'Fast DDS profile for large images, unless the environment selects one; empty: none',
    ),
)
PARAMETERS = ('preset', 'weights', 'device', 'camera_motion', 'image_transport')
"""Arguments that override parameters of the file, unless they are empty."""

CAMERA = re.compile('[A-Za-z][A-Za-z0-9_]*')
RESPAWN_DELAY = 1.0
"""Seconds before a node is restarted."""


def start(context: LaunchContext) -> list[Node]:
    """Return a node for each camera.

    Raises
    ------
    ValueError
        The camera names are not distinct valid namespaces, or the cameras would share a topic.

    """
    given = context.launch_configurations
    cameras = [camera.strip() for camera in given['cameras'].split(',')]
    if cameras == ['']:
        return [tracker(given, given['namespace'])]
    if len(set(cameras)) < len(cameras) or not all(map(CAMERA.fullmatch, cameras)):
        raise ValueError(
            f'cameras: {given["cameras"]!r}: expected distinct names, such as front,rear'
        )
    for name in ('image', 'detections'):
        if given[name].startswith('/'):
            raise ValueError(
                f'{name}: {given[name]!r} is the same topic for every camera; without the first '
                'slash it is relative to the namespace of each camera'
            )
    return [tracker(given, '/'.join((given['namespace'], camera))) for camera in cameras]


def tracker(given: dict[str, str], namespace: str) -> Node:
    """Return the node of one camera."""
    kinds = {name: str for name in PARAMETERS if given[name]}
    kinds |= {'autostart': bool, 'use_sim_time': bool}
    overrides = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in kinds.items()
    }
    enclave = enclave_of('tracker', namespace)
    respawn, required = (
        bool(coerce_to_type(given[name], bool)) for name in ('respawn', 'required')
    )
    retries = int(given['respawn_max_retries'])
    # The default file lists every parameter, and so would undo a preset.
    file = given['params_file'] if given['params_file'] != DEFAULTS or not given['preset'] else ''
    files = [ParameterFile(file, allow_substs=True)] if file else []
    return Node(
        package='strongsort_ros',
        executable='tracker_node',
        name='tracker',
        namespace=namespace,
        parameters=[*files, overrides],
        remappings=[(name, given[name]) for name in ('image', 'detections') if name != given[name]],
        additional_env=profile_environment(given['fastdds_profile']),
        arguments=['--ros-args', '--enclave', enclave, '--log-level', given['log_level']],
        respawn=respawn,
        respawn_delay=RESPAWN_DELAY,
        respawn_max_retries=retries,
        on_exit=EndWithNode(respawn=respawn, max_retries=retries) if required else None,
        output='screen',
        emulate_tty=True,
    )


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the nodes."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, default, description in ARGUMENTS
    ]
    arguments += [
        DeclareLaunchArgument(
            name, default_value='', description=f'Parameter {name}; empty: from the file'
        )
        for name in PARAMETERS
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])
