"""Start the refiner.

`ros2 launch strongsort_ros refiner.launch.py --show-args` lists the arguments.
"""

from __future__ import annotations

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch.utilities.type_utils import coerce_to_type
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue

from strongsort_ros.nodes.ros_environment import EndWithNode, enclave_of

CONFIG = Path(__file__).parent.parent / 'config'

ARGUMENTS = (
    ('namespace', '', 'Namespace of the node and its services'),
    (
        'params_file',
        str(CONFIG / 'refiner.yaml'),
        'Parameter file; the next arguments override it',
    ),
    ('allowed_root', '', 'Folder in which the node reads and writes; empty: from the file'),
    ('autostart', 'true', 'Configure and activate; false: leave it to a lifecycle manager'),
    ('required', 'true', 'End the launch with status 1 when the node fails'),
    ('log_level', 'info', 'debug, info, warn, error or fatal'),
)


def start(context: LaunchContext) -> list[Node]:
    """Return the node."""
    given = context.launch_configurations
    kinds = {'autostart': bool} | ({'allowed_root': str} if given['allowed_root'] else {})
    overrides = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in kinds.items()
    }
    required = bool(coerce_to_type(given['required'], bool))
    enclave = enclave_of('refiner', given['namespace'])
    refiner = Node(
        package='strongsort_ros',
        executable='refiner_node',
        name='refiner',
        namespace=given['namespace'],
        parameters=[ParameterFile(given['params_file'], allow_substs=True), overrides],
        arguments=['--ros-args', '--enclave', enclave, '--log-level', given['log_level']],
        on_exit=EndWithNode() if required else None,
        output='screen',
        emulate_tty=True,
    )
    return [refiner]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the node."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, default, description in ARGUMENTS
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])
