"""Play a bag through the live graph: track, record, refine, score, report; then end.

`ros2 launch strongsort_ros replay.launch.py --show-args` says with what.
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

LAUNCH = Path(__file__).parent
CONFIG = LAUNCH.parent / 'config'

REPLAYER = {
    'bag': ('', str, 'Bag of images and detections to play'),
    'ground_truth': ('', str, "True boxes: a gt.txt, or a sequence's folder; empty: no scores"),
    'output': ('', str, 'Folder of the results; empty: the name of the bag and _replayed'),
    'image_topic': ('', str, 'Topic of images in the bag; empty: the only one'),
    'detections_topic': ('', str, 'Topic of detections in the bag; empty: the only one'),
    'frame_rate': ('0.0', float, 'Nominal rate of the bag; 0: estimated from stamps'),
    'realtime': ('false', bool, 'Play at the rate of the bag; false: in step'),
    'rate': ('1.0', float, 'So many times as fast as real time'),
    'clock': ('false', bool, 'Publish the stamps on /clock'),
    'aflink': ('true', bool, 'Link broken tracks'),
    'gsi': ('true', bool, 'Fill gaps and smooth'),
}
"""Arguments that are parameters of the replayer: default, type, meaning."""

NODES = (
    ('namespace', '', 'Namespace of the nodes and their topics'),
    ('params_file', str(CONFIG / 'tracker.yaml'), 'Parameters of the tracker'),
    ('weights', '', "The tracker's appearance network, if not empty"),
    ('device', '', 'Where it runs, if not empty'),
    ('camera_motion', '', 'How camera motion is found, if not empty'),
    ('refiner_params_file', str(CONFIG / 'refiner.yaml'), 'Parameters of the refiner'),
    ('log_level', 'info', 'debug, info, warn, error or fatal'),
    (
        'fastdds_profile',
        str(CONFIG / 'fastdds.xml'),
        'Profile for large images, unless the environment names one; empty: none',
    ),
)
"""Arguments for the nodes: name, default, meaning."""
TRACKER = ('namespace', 'params_file', 'weights', 'device', 'camera_motion', 'log_level')


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the nodes; the replayer configures and activates the others."""
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
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, (_, kind, _) in REPLAYER.items()
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
        # Of all nodes: the replayer's is the one that counts, as it publishes the images.
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
    """End when a process does: well when it is the replayer that is done."""
    if context.is_shutdown:
        return None
    if event.returncode == 0 and event.process_name.startswith('replayer_node'):
        return Shutdown(reason='the replay is over')
    # What is raised here makes the exit status of `ros2 launch`.
    raise RuntimeError(f'{event.process_name} ended with status {event.returncode}')


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, start the nodes, and end when one of them does."""
    arguments = [(name, default, meaning) for name, (default, _, meaning) in REPLAYER.items()]
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=meaning)
                for name, default, meaning in (*arguments, *NODES)
            ),
            RegisterEventHandler(OnProcessExit(on_exit=end)),
            OpaqueFunction(function=start),
        ]
    )
