"""Play a bag to the tracker, refine and score its tracks, write a report, and end.

`ros2 launch strongsort_ros replay.launch.py --show-args` lists the arguments.
"""

from __future__ import annotations

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.event_handlers import OnProcessExit
from launch.events.process import ProcessExited
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from strongsort_ros.nodes.ros_environment import enclave_of, profile_environment
from strongsort_ros.replay.settings import ReplayerNodeConfig

LAUNCH = Path(__file__).parent
CONFIG = LAUNCH.parent / 'config'

TYPES = {'str': str, 'float': float, 'bool': bool}
REPLAYER = [p for p in ReplayerNodeConfig().parameters() if p.name not in ('tracker', 'refiner')]
"""Parameters of the replayer, each an argument; the names of the nodes are fixed here."""

NODES = (
    ('namespace', '', 'Namespace of the nodes and their topics'),
    ('params_file', str(CONFIG / 'tracker.yaml'), 'Parameter file of the tracker'),
    (
        'preset',
        '',
        'Preset of the tracker instead of the default file: robust, strongsort, deepsort',
    ),
    ('weights', '', 'ReID weights of the tracker; empty: from the file'),
    ('device', '', 'Device of the ReID network; empty: from the file'),
    ('camera_motion', '', 'Camera motion mode of the tracker; empty: from the file'),
    ('refiner_params_file', str(CONFIG / 'refiner.yaml'), 'Parameter file of the refiner'),
    ('log_level', 'info', 'debug, info, warn, error or fatal'),
    (
        'fastdds_profile',
        str(CONFIG / 'fastdds.xml'),
        'Fast DDS profile for large images, unless the environment selects one; empty: none',
    ),
)
"""Arguments of the nodes: name, default, description."""
TRACKER = ('namespace', 'params_file', 'preset', 'weights', 'device', 'camera_motion', 'log_level')


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the nodes; the replayer configures and activates the other two."""
    given = dict(context.launch_configurations)
    results = Path(given['output']).resolve().parent if given['output'] else Path.cwd()
    tracker = {name: given[name] for name in TRACKER}
    refiner = {
        'namespace': given['namespace'],
        'params_file': given['refiner_params_file'],
        'allowed_root': str(results),
        'log_level': given['log_level'],
    }
    parameters = {
        p.name: ParameterValue(LaunchConfiguration(p.name), value_type=TYPES[p.kind])
        for p in REPLAYER
    }
    enclave = enclave_of('replayer', given['namespace'])
    replayer = Node(
        package='strongsort_ros',
        executable='replayer_node',
        name='replayer',
        namespace=given['namespace'],
        parameters=[parameters],
        arguments=['--ros-args', '--enclave', enclave, '--log-level', given['log_level']],
        output='screen',
        emulate_tty=True,
    )
    profile = profile_environment(given['fastdds_profile'])
    return [
        # For all nodes; the profile of the replayer matters, as it publishes the images.
        *(SetEnvironmentVariable(name, value) for name, value in profile.items()),
        _include('tracker.launch.py', tracker),
        _include('refiner.launch.py', refiner),
        replayer,
    ]


def _include(name: str, arguments: dict[str, str]) -> IncludeLaunchDescription:
    source = PythonLaunchDescriptionSource(str(LAUNCH / name))
    return IncludeLaunchDescription(
        source, launch_arguments=[('autostart', 'false'), *arguments.items()]
    )


def end(event: ProcessExited, context: LaunchContext) -> Shutdown | None:
    """End the launch with any process; without error if the replayer has succeeded."""
    if context.is_shutdown:
        return None
    if event.returncode == 0 and event.process_name.startswith('replayer_node'):
        return Shutdown(reason='the replay is done')
    # An exception gives `ros2 launch` exit status 1.
    raise RuntimeError(f'{event.process_name} ended with status {event.returncode}')


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, start the nodes, and end with the first one that ends."""
    arguments = [(p.name, default_text(p.value), p.spec.description) for p in REPLAYER]
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=description)
                for name, default, description in (*arguments, *NODES)
            ),
            RegisterEventHandler(OnProcessExit(on_exit=end)),
            OpaqueFunction(function=start),
        ]
    )


def default_text(value: object) -> str:
    """Return a default as launch arguments write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
