"""Node `refiner`: refines recorded bags of tracks by a service and an action."""

from __future__ import annotations

import functools
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile
from rclpy.task import Future

from strongsort_ros import action, srv
from strongsort_ros.bags.paths import AllowedRoot
from strongsort_ros.nodes.diagnostics import status_message
from strongsort_ros.nodes.lifecycle import ManagedNode, logged
from strongsort_ros.nodes.program import run
from strongsort_ros.nodes.refinement_server import RefinementServer
from strongsort_ros.packages import require
from strongsort_ros.refinement.settings import RefinerNodeConfig
from strongsort_ros.refinement.worker_process import check_checkpoint

RESPONSE_GRACE: Final = 1.0
"""Seconds for the last responses to be sent when the node ends."""
REQUEST_QOS: Final = QoSProfile(depth=1000)
"""Queue of requests; with ROS's default depth of 10, simultaneous requests would be lost."""
RESPONSE_PERIOD: Final = 0.01
"""Seconds between two responses; a client's queue of 10 also receives those to other clients."""


class RefinerNode(ManagedNode[RefinerNodeConfig]):
    """Node `refiner`: serves requests while active, one at a time.

    A worker process does the refinement, so that the node always responds at once.
    """

    def __init__(self, **node_arguments: Any) -> None:
        self._calls: deque[Callable[[], object]] = deque()
        self._server = RefinementServer(self._call_later, self.report_soon)
        self._waiting = 0
        self._next_response = 0.0
        self._root: AllowedRoot | None = None
        self._action_server: ActionServer | None = None
        super().__init__('refiner', RefinerNodeConfig(), **node_arguments)
        # Reentrant, so that a request that waits for its response blocks no other callback.
        group = ReentrantCallbackGroup()
        self.create_service(
            srv.RefineTracks, '~/refine', self._serve_request,
            qos_profile=REQUEST_QOS, callback_group=group,
        )  # fmt: skip
        with self.naming('offer action', '~/refine_tracks'):
            self._action_server = ActionServer(
                self,
                action.RefineTracks,
                '~/refine_tracks',
                self._serve_goal,
                callback_group=group,
                cancel_callback=self._cancel,
                goal_service_qos_profile=REQUEST_QOS,
                result_service_qos_profile=REQUEST_QOS,
                cancel_service_qos_profile=REQUEST_QOS,
            )

    # Lifecycle

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Check the allowed root and the checkpoint."""
        start = time.monotonic()
        require('the refiner', 'rosbags')
        settings = self.settings.node
        self._root = AllowedRoot(settings.allowed_root)
        check_checkpoint(settings.weights)
        self.get_logger().info(
            f'configured in {time.monotonic() - start:.1f} s; allowed root: {self._root.path}'
        )
        return super().on_configure(state)

    def release(self, *, configured: bool = False) -> None:
        """Stop the current request, and forget the allowed root unless `configured`."""
        self._server.stop('the node is not active any more')
        if not configured:
            self._root = None

    def finish(self) -> None:
        """Stop the current request, and send the pending responses."""
        self.release()
        end = time.monotonic() + RESPONSE_GRACE
        while self._waiting and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.1)

    # Requests

    async def _serve_request(self, request: Any, response: Any) -> Any:
        return _fill(response, await self._serve(request))

    async def _serve_goal(self, goal: Any) -> Any:
        on_progress = functools.partial(_publish_feedback, goal)
        fields = await self._serve(goal.request, owner=goal, on_progress=on_progress)
        if fields['success']:
            goal.succeed()
        elif goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        return _fill(action.RefineTracks.Result(), fields)

    async def _serve(self, request: Any, **options: Any) -> dict[str, Any]:
        """Return the fields of the response to a request."""
        self._waiting += 1
        try:
            fields: dict[str, Any] = await self._start(request, **options)
            await self._space_responses()
            return fields
        finally:
            self._waiting -= 1

    def _start(self, request: Any, **options: Any) -> Future:
        if self.state() != 'active':
            return self._server.refuse(f'the node is {self.state()}; activate it first')
        assert self._root is not None
        return self._server.start(request, self._root, self.settings, **options)

    async def _space_responses(self) -> None:
        """Wait until `RESPONSE_PERIOD` after the previous response."""
        now = time.monotonic()
        self._next_response = max(self._next_response + RESPONSE_PERIOD, now)
        if self._next_response > now:
            turn = Future()
            delay = self._next_response - now
            timer = self.create_timer(delay, lambda: turn.set_result(None))
            await turn
            self.destroy_timer(timer)

    def _cancel(self, goal: Any) -> CancelResponse:
        self._server.cancel(goal)
        return CancelResponse.ACCEPT

    def _call_later(self, function: Any, *arguments: Any) -> None:
        # The executor runs its tasks in any order, so each runs the oldest call.
        self._calls.append(functools.partial(function, *arguments))
        self.executor.create_task(lambda: self._calls.popleft()())

    # Diagnostics and end

    def status(self) -> Any:
        """Return the progress of the current request, and the outcomes of earlier ones."""
        job = self._server.current
        values: dict[str, object] = {'state': self.state()}
        if job is not None:
            values |= {
                'input': job.source,
                'output': job.output,
                'phase': job.phase,
                'share_done': f'{job.share:.2f}',
            }
        values |= self._server.counts
        values['last_answer'] = self._server.last
        message = self.state() if job is None else 'refining'
        name = f'{self.get_fully_qualified_name().lstrip("/")}: refinement'
        return status_message(name, DiagnosticStatus.OK, message, values)

    def destroy_node(self) -> None:
        """Free everything and destroy the node."""
        if self._action_server is not None:
            self._action_server.destroy()
        super().destroy_node()


def _fill(response: Any, fields: dict[str, Any]) -> Any:
    for name, value in fields.items():
        setattr(response, name, value)
    return response


def _publish_feedback(goal: Any, phase: str, share: float) -> None:
    goal.publish_feedback(action.RefineTracks.Feedback(phase=phase, share=share))


def main(arguments: list[str] | None = None) -> int:
    """Run the node until a signal; return the exit status of `program.run`."""
    return run(RefinerNode, 'refiner', arguments)


if __name__ == '__main__':
    sys.exit(main())
