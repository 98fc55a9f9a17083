"""Lifecycle node `tracker`: subscribes to images and detections, publishes tracks."""

from __future__ import annotations

import gc
import sys
import time
import traceback
from collections import Counter
from typing import Any, Final

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from strongsort_ros.errors import StrongSortError, one_line
from strongsort_ros.files.drawing import draw_track_states
from strongsort_ros.messages.detection2d_array import write_tracked_detections
from strongsort_ros.messages.track2d_array import write_tracks
from strongsort_ros.msg import Track2DArray
from strongsort_ros.nodes.diagnostics import Condition, Diagnosis
from strongsort_ros.nodes.lifecycle import OVERRIDABLE_QOS, ManagedNode, logged
from strongsort_ros.nodes.program import run
from strongsort_ros.nodes.ros_environment import keep_freed_memory, resident_memory
from strongsort_ros.nodes.ros_messages import (
    check_layouts,
    cv_bridge_converter,
    image_message,
)
from strongsort_ros.nodes.tracker_subscriptions import THROTTLE, TrackerSubscriptions
from strongsort_ros.online.config import DiagnosticsSettings, TrackerNodeConfig
from strongsort_ros.online.frame_pairer import MessageFrame
from strongsort_ros.online.frame_processor import FrameProcessor, TrackedFrame

NAMESAKE: Final = (
    'another node has the same name, and services and parameters reach either of them: start each '
    'in its own namespace'
)


class TrackerNode(ManagedNode[TrackerNodeConfig]):
    """The tracker node: `configure` loads the weights, `activate` subscribes.

    A frame passes through `TrackerSubscriptions` (take and pair the messages), `FrameProcessor`
    (decode and track) and `_publish`. Frames, services and transitions run in one thread, so that
    settings and transitions change the tracker between two frames only.
    """

    def __init__(self, **node_arguments: Any) -> None:
        self._processor: FrameProcessor | None = None
        self._inputs: TrackerSubscriptions | None = None
        self._diagnosis = Diagnosis(DiagnosticsSettings())
        self._published: Counter[str] = Counter()
        self._own_publishers: list[LifecyclePublisher] = []
        super().__init__('tracker', TrackerNodeConfig(), **node_arguments)
        self.create_service(Trigger, '~/reset', self._reset)

    # Frames

    def _track(self, frame: MessageFrame) -> None:
        """Track one frame and publish the tracks; count and log a frame that fails."""
        assert self._processor is not None
        if frame.restarted:
            self.get_logger().info('stamps jumped back: all tracks are deleted')
            self.report_soon()
        faults = self._processor.faults
        try:
            tracked = self._processor.process(frame)
            if tracked is not None:
                self._publish(tracked)
        except Exception as error:  # a bug: the next frame may succeed
            self._processor.rejected['failed_frame'] += 1
            self._log_failure(error)
        else:
            self._processor.note({'node': time.perf_counter() - frame.detections.arrived})
        if self._processor.faults != faults:
            self.report_soon()

    def _publish(self, tracked: TrackedFrame) -> None:
        """Publish the tracks of a frame on the topics that have subscribers."""
        assert self._processor is not None
        start = time.perf_counter()
        header, tracks = tracked.header, tracked.tracks
        messages: list[tuple[str, LifecyclePublisher, Any]] = []
        if self._tracks.get_subscription_count():
            motion, rate = tracked.camera_motion, self._processor.clock.rate
            message = write_tracks(header, tracks, motion.matrix, motion.score, rate)
            messages.append(('tracks', self._tracks, message))
        if self._tracked_detections.get_subscription_count():
            message = write_tracked_detections(header, tracks)
            messages.append(('tracked_detections', self._tracked_detections, message))
        written = time.perf_counter()
        for topic, publisher, message in messages:
            publisher.publish(message)
            self._published[f'published_{topic}'] += 1
        end = time.perf_counter()
        self._processor.note({'convert': written - start, 'publish': end - written})
        if tracked.image is not None and self._debug_image.get_subscription_count():
            drawn = draw_track_states(tracked.image, tracks)
            self._debug_image.publish(image_message(header, drawn))
            self._published['published_debug_image'] += 1

    def _log_failure(self, error: Exception) -> None:
        """Log why a frame failed: a user's error in one line, any other with its traceback."""
        known = isinstance(error, (StrongSortError, OSError))
        reason = one_line(error) if known else ''.join(traceback.format_exception(error))
        self.get_logger().error(f'frame failed: {reason}', throttle_duration_sec=THROTTLE)

    def _log_rejected(self, line: str) -> None:
        self.get_logger().error(line, throttle_duration_sec=THROTTLE)

    # Transitions

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and warm up the weights, and create the publishers; can take seconds."""
        start = time.monotonic()
        check_layouts()
        self._processor = FrameProcessor(self.settings, self._log_rejected, cv_bridge_converter())
        self._tracks = self._publisher(Track2DArray, 'tracks')
        self._tracked_detections = self._publisher(Detection2DArray, 'tracked_detections')
        self._debug_image = self._publisher(Image, '~/debug_image', depth=1)
        # What is loaded now stays: exclude it from garbage collection, which would delay frames.
        gc.collect()
        gc.freeze()
        self.get_logger().info(f'configured in {time.monotonic() - start:.1f} s')
        return super().on_configure(state)

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe; tracks from before the last deactivation are deleted."""
        assert self._processor is not None
        self._processor.forget()
        self._diagnosis = Diagnosis(self.settings.diagnostics)
        self._inputs = TrackerSubscriptions(self, self.settings.node, self._track)
        self.get_logger().info(f'active: {self._inputs}')
        return super().on_activate(state)

    @logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the weights and the publishers."""
        gc.unfreeze()
        return super().on_cleanup(state)

    def release(self, *, configured: bool = False) -> None:
        """Free what `activate` built and, unless `configured`, what `configure` built."""
        if self._inputs is not None:
            self._inputs.close()
            self._inputs = None
        if configured:
            return
        while self._own_publishers:
            self.destroy_lifecycle_publisher(self._own_publishers.pop())
        if self._processor is not None:
            self._processor.close()
            self._processor = None

    def _publisher(self, message_type: Any, topic: str, depth: int = 10) -> LifecyclePublisher:
        publisher = self.create_lifecycle_publisher(
            message_type,
            topic,
            QoSProfile(depth=depth),
            qos_overriding_options=QoSOverridingOptions(OVERRIDABLE_QOS),
        )
        self._own_publishers.append(publisher)
        return publisher

    # Settings, reset and diagnostics

    def change_settings(self, settings: TrackerNodeConfig) -> None:
        """Apply changed settings from the next frame."""
        self._diagnosis.settings = settings.diagnostics
        if self._processor is not None:
            self._processor.settings = settings

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        del request
        response.success = self._processor is not None
        if self._processor is None:
            response.message = 'the tracker is not configured: nothing to reset'
        else:
            self._processor.forget()
            if self._inputs is not None:
                self._inputs.pairer.clear()
            response.message = 'all tracks are deleted'
            self.get_logger().info('reset: all tracks are deleted')
        return response

    def status(self) -> Any:
        """Return the status of the node; log each new warning about its input."""
        known = set(self._diagnosis.input_warnings)
        name = f'{self.get_fully_qualified_name().lstrip("/")}: tracking'
        status = self._diagnosis.report(name, self._condition(), time.monotonic())
        for kind, text in self._diagnosis.input_warnings.items():
            if kind not in known:
                self.get_logger().warning(text)
        return status

    def _condition(self) -> Condition:
        condition = Condition(self.state(), facts={'memory_mib': resident_memory()})
        if self._inputs is not None:
            pairer = self._inputs.pairer
            condition.uses_images = pairer.uses_images
            condition.counts = pairer.counts + self._published
            condition.ages = self._inputs.ages
            condition.slow_detector = pairer.slow_detector
        if self._processor is not None:
            condition.counts = Counter(condition.counts) + self._processor.counts
            condition.rejected = self._processor.rejected
            condition.seconds = self._processor.seconds
            condition.faults = self._processor.faults
            condition.facts = self._processor.facts() | dict(condition.facts)
        if self.has_namesake():
            condition.faults = [*condition.faults, NAMESAKE]
        return condition


def main(arguments: list[str] | None = None) -> int:
    """Run the node until a signal stops it; return 1 if it cannot start, else 0."""
    keep_freed_memory()
    return run(TrackerNode, 'tracker', arguments)


if __name__ == '__main__':
    sys.exit(main())
