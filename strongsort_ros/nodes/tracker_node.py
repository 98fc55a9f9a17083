"""The tracker as a lifecycle node: images and detections in, tracks out."""

from __future__ import annotations

import gc
import logging
import sys
import time
import traceback
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from strongsort_ros.messages.track_arrays import write_track_array
from strongsort_ros.msg import Track2DArray
from strongsort_ros.nodes import diagnostics
from strongsort_ros.nodes.debug_image import draw_tracks, image_message
from strongsort_ros.nodes.image_messages import decode
from strongsort_ros.nodes.inputs import THROTTLE, Inputs
from strongsort_ros.nodes.log_bridge import LogBridge
from strongsort_ros.nodes.memory import keep_freed_memory
from strongsort_ros.nodes.message_layout import check_layouts
from strongsort_ros.nodes.parameters import Parameters
from strongsort_ros.nodes.transitions import logged, survive_impossible_transitions
from strongsort_ros.streaming.answers import track_array, tracked_detections
from strongsort_ros.streaming.processing import FrameProcessor, Received, Tracked
from strongsort_ros.streaming.settings import AllSettings
from strongsort_ros.streaming.synchroniser import Frame

SUCCESS = TransitionCallbackReturn.SUCCESS


class TrackerNode(LifecycleNode):
    """Node `tracker`: loads when configured, subscribes when active.

    Frames, services and transitions run in one executor's thread, one after the other, so that
    whatever changes the tracker does it between two frames.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__('tracker', **node_arguments)
        survive_impossible_transitions(self)
        self._processor: FrameProcessor | None = None
        self._inputs: Inputs | None = None
        self._log_bridge = LogBridge(self.get_logger())
        logging.getLogger('strongsort_ros').addHandler(self._log_bridge)
        logging.getLogger('strongsort_ros').setLevel(logging.INFO)
        self.autostart = bool(self.declare_parameter('autostart', False).value)
        self._configuration = Parameters(
            self,
            is_configured=lambda: self._processor is not None,
            is_active=lambda: self._inputs is not None,
            on_change=self._change_settings,
        )
        self.create_service(Trigger, '~/reset', self._reset)
        self._diagnosis = diagnostics.Diagnosis()
        self._diagnostics = self.create_publisher(
            DiagnosticArray, '/diagnostics', QoSProfile(depth=1)
        )
        self._reported = time.monotonic()
        self.create_timer(
            diagnostics.PERIOD, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    # The life cycle

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and warm up; slow, so that the rest is quick."""
        start = time.monotonic()
        check_layouts()
        self._processor = FrameProcessor(self._configuration.settings, self._say_rejected, decode)
        self._tracks = self._publisher(Track2DArray, 'tracks')
        self._tracked_detections = self._publisher(Detection2DArray, 'tracked_detections')
        self._debug_image = self._publisher(Image, '~/debug_image', depth=1)
        # What is loaded stays: a collection that goes through it all would delay a frame.
        gc.collect()
        gc.freeze()
        self.get_logger().info(f'configured in {time.monotonic() - start:.1f} s')
        return super().on_configure(state)

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe; tracks of an earlier activity are forgotten."""
        assert self._processor is not None
        self._processor.reset()
        self._diagnosis = diagnostics.Diagnosis()
        self._inputs = Inputs(self, self._configuration.settings.node, self._track)
        self.get_logger().info(f'active: {self._inputs}')
        return super().on_activate(state)

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe."""
        self.release(configured=True)
        return super().on_deactivate(state)

    @logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the weights and the publishers."""
        self.release()
        gc.unfreeze()
        return super().on_cleanup(state)

    @logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state."""
        self.release()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, and be ready to be configured again."""
        del state
        self.release()
        return SUCCESS

    def release(self, *, configured: bool = False) -> None:
        """Free what activating built and, unless it stays configured, what configuring built."""
        if self._inputs is not None:
            self._inputs.close()
            self._inputs = None
        if configured:
            return
        for publisher in list(self._managed_entities):
            if isinstance(publisher, LifecyclePublisher):
                self.destroy_lifecycle_publisher(publisher)
        if self._processor is not None:
            self._processor.close()
            self._processor = None

    def _publisher(self, kind: Any, topic: str, depth: int = 10) -> LifecyclePublisher:
        return self.create_lifecycle_publisher(
            kind,
            topic,
            QoSProfile(depth=depth),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    # A frame

    def _track(self, frame: Frame[Received, Received]) -> None:
        """Track one frame and publish; a frame that fails is counted, and the node goes on."""
        assert self._processor is not None
        if frame.restarted:
            self.get_logger().info('stamps jumped back: all tracks are forgotten')
        try:
            tracked = self._processor.process(frame)
            if tracked is not None:
                self._publish(tracked)
        except Exception:
            self._processor.reject('failed_frame', f'frame failed: {traceback.format_exc()}')
        else:
            self._processor.note({'latency': time.perf_counter() - frame.detections.at})

    def _publish(self, tracked: Tracked) -> None:
        """Publish what somebody reads."""
        assert self._processor is not None
        start = time.perf_counter()
        header, tracks = tracked.header, tracked.tracks
        messages = []
        if self._tracks.get_subscription_count():
            motion, rate = tracked.camera_motion, self._processor.clock.rate
            message = write_track_array(track_array(header, tracks, motion, rate))
            messages.append((self._tracks, message))
        if self._tracked_detections.get_subscription_count():
            message = tracked_detections(header, tracks)
            messages.append((self._tracked_detections, message))
        written = time.perf_counter()
        for publisher, message in messages:
            publisher.publish(message)
        end = time.perf_counter()
        self._processor.note({'convert': written - start, 'publish': end - written})
        if tracked.image is not None and self._debug_image.get_subscription_count():
            self._debug_image.publish(image_message(header, draw_tracks(tracked.image, tracks)))

    # Around it

    def _change_settings(self, settings: AllSettings) -> None:
        if self._processor is not None:
            self._processor.settings = settings

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        del request
        response.success = self._processor is not None
        if self._processor is None:
            response.message = 'the tracker is not configured: nothing to reset'
        else:
            self._processor.reset()
            response.message = 'all tracks are forgotten'
            self.get_logger().info('reset: all tracks are forgotten')
        return response

    def _say_rejected(self, line: str) -> None:
        self.get_logger().error(line, throttle_duration_sec=THROTTLE)

    def _report(self) -> None:
        now = time.monotonic()
        elapsed, self._reported = now - self._reported, now
        lacked = self._diagnosis.lacks_images
        status = self._diagnosis.report(
            f'{self.get_fully_qualified_name().lstrip("/")}: tracking',
            'strongsort_ros', self._condition(), elapsed,
        )  # fmt: skip
        if self._diagnosis.lacks_images and not lacked:
            self.get_logger().warning(status.message)
        stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(diagnostics.array_message(stamp, status))

    def _condition(self) -> diagnostics.Condition:
        condition = diagnostics.Condition(self._state_machine.current_state[1])
        if self._inputs is not None:
            condition.uses_images = self._inputs.uses_images
            condition.counts = self._inputs.counts
        if self._processor is not None:
            condition.rejected = self._processor.rejected
            condition.seconds = self._processor.seconds
            condition.trouble = self._processor.trouble
            condition.facts = self._processor.facts()
        return condition

    def destroy_node(self) -> None:
        """Free everything."""
        self.release()
        logging.getLogger('strongsort_ros').removeHandler(self._log_bridge)
        super().destroy_node()


def main(arguments: list[str] | None = None) -> int:
    """Run the node until it is told to stop; the exit status is 1 when it cannot start."""
    keep_freed_memory()
    rclpy.init(args=arguments)
    node = None
    try:
        node = TrackerNode()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        if node.autostart and node.trigger_configure() == SUCCESS:
            node.trigger_activate()
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    except Exception as error:
        if not rclpy.ok():
            return 0  # a signal ended ROS in the middle of a callback
        if not isinstance(error, (ParameterException, ValueError)):
            raise
        rclpy.logging.get_logger('tracker').fatal(str(error))
        return 1
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
