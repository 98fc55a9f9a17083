"""Start the tracker: `ros2 launch strongsort_ros tracker.launch.py --show-args` says with what."""

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

ARGUMENTS = (
    ('namespace', '', 'Namespace of the node and its topics'),
    ('cameras', '', 'Names of cameras, as front,rear: a node each, in a namespace of that name'),
    ('image', 'image', 'Topic of the images'),
    ('detections', 'detections', 'Topic of the detections (vision_msgs/Detection2DArray)'),
    ('params_file', str(CONFIG / 'tracker.yaml'), 'Parameters; the arguments below come first'),
    ('autostart', 'true', 'Configure and activate; false: a lifecycle manager does it'),
    ('respawn', 'true', 'Start the node again when it ends'),
    ('respawn_max_retries', '5', 'Times that it is started again, in all; -1: without limit'),
    ('required', 'true', 'End the launch with status 1 when the node has failed for good'),
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

CAMERA = re.compile('[A-Za-z][A-Za-z0-9_]*')
RESPAWN_DELAY = 1.0
"""Seconds before a node is started again."""


def start(context: LaunchContext) -> list[Node]:
    """Return a node for each camera, with the arguments as they were given.

    Raises
    ------
    ValueError
        Names of cameras are no namespaces or not different, or their topics would be the same.

    """
    given = context.launch_configurations
    cameras = [camera.strip() for camera in given['cameras'].split(',')]
    if cameras == ['']:
        return [tracker(given, given['namespace'])]
    if len(set(cameras)) < len(cameras) or not all(map(CAMERA.fullmatch, cameras)):
        raise ValueError(f'cameras: {given["cameras"]!r}: expected different names, as front,rear')
    for name in ('image', 'detections'):
        if given[name].startswith('/'):
            raise ValueError(
                f'{name}: {given[name]!r} is the same topic for every camera: leave its first '
                'slash out, and it is looked for in the namespace of each'
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
    return Node(
        package='strongsort_ros',
        executable='tracker_node',
        name='tracker',
        namespace=namespace,
        parameters=[ParameterFile(given['params_file'], allow_substs=True), overrides],
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
