"""The refiner as a lifecycle node: recorded tracks in, whole tracks out."""

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

ANSWERING: Final = 1.0
"""Seconds in which clients get their answers when the node ends."""
REQUESTS: Final = QoSProfile(depth=1000)
"""Requests that come faster than they are answered wait; of ROS's own 10, the others are lost."""


PAUSE: Final = 0.01
"""Seconds between two answers: a client's queue holds 10, and other clients' answers, too."""


class RefinerNode(ManagedNode[RefinerNodeConfig]):
    """Node `refiner`: takes requests while active, one at a time.

    A worker process does the work, so that the node answers at once whatever else it is asked.
    """

    def __init__(self, **node_arguments: Any) -> None:
        self._calls: deque[Callable[[], object]] = deque()
        self._refinements = RefinementServer(self._call_later, self.report_soon)
        self._waiting = 0
        self._next_answer = 0.0
        self._root: AllowedRoot | None = None
        self._action_server: ActionServer | None = None
        super().__init__('refiner', RefinerNodeConfig(), **node_arguments)
        # Requests wait for their answers; others, and all else, go on meanwhile.
        group = ReentrantCallbackGroup()
        self.create_service(
            srv.RefineTracks, '~/refine', self._serve_request,
            qos_profile=REQUESTS, callback_group=group,
        )  # fmt: skip
        with self.naming('offer action', '~/refine_tracks'):
            self._action_server = ActionServer(
                self,
                action.RefineTracks,
                '~/refine_tracks',
                self._serve_goal,
                callback_group=group,
                cancel_callback=self._cancel,
                goal_service_qos_profile=REQUESTS,
                result_service_qos_profile=REQUESTS,
                cancel_service_qos_profile=REQUESTS,
            )

    # The life cycle

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Check that the folder is there, and that the checkpoint can be used."""
        start = time.monotonic()
        require('the refiner', 'rosbags')
        settings = self.settings.node
        self._root = AllowedRoot(settings.allowed_root)
        check_checkpoint(settings.weights)
        self.get_logger().info(
            f'configured in {time.monotonic() - start:.1f} s: reads and writes in {self._root.path}'
        )
        return super().on_configure(state)

    def release(self, *, configured: bool = False) -> None:
        """Stop what is being done."""
        self._refinements.stop('the node is not active any more')
        if not configured:
            self._root = None

    def finish(self) -> None:
        """Stop what is being done, and let its client know."""
        self.release()
        end = time.monotonic() + ANSWERING
        while self._waiting and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.1)

    # Requests

    async def _serve_request(self, request: Any, response: Any) -> Any:
        return _filled(response, await self._start(request))

    async def _serve_goal(self, goal: Any) -> Any:
        on_progress = functools.partial(_give_feedback, goal)
        answer = await self._start(goal.request, owner=goal, on_progress=on_progress)
        if answer['success']:
            goal.succeed()
        elif goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        return _filled(action.RefineTracks.Result(), answer)

    async def _start(self, request: Any, **options: Any) -> dict[str, Any]:
        self._waiting += 1
        try:
            answer: dict[str, Any] = await self._answer(request, **options)
            await self._turn()
            return answer
        finally:
            self._waiting -= 1

    async def _turn(self) -> None:
        """Wait until `PAUSE` after the answer before this one."""
        now = time.monotonic()
        self._next_answer = max(self._next_answer + PAUSE, now)
        if self._next_answer > now:
            turn = Future()
            timer = self.create_timer(self._next_answer - now, lambda: turn.set_result(None))
            await turn
            self.destroy_timer(timer)

    def _answer(self, request: Any, **options: Any) -> Future:
        if self.state() != 'active':
            return self._refinements.refuse(f'the node is {self.state()}; activate it first')
        assert self._root is not None
        return self._refinements.start(request, self._root, self.settings, **options)

    def _cancel(self, goal: Any) -> CancelResponse:
        self._refinements.cancel(goal)
        return CancelResponse.ACCEPT

    # Around it

    def _call_later(self, function: Any, *arguments: Any) -> None:
        # The executor takes its tasks in any order, so each does what has waited longest.
        self._calls.append(functools.partial(function, *arguments))
        self.executor.create_task(lambda: self._calls.popleft()())

    def status(self) -> Any:
        """Return what is being refined, and what became of earlier requests."""
        current = self._refinements.current
        values: dict[str, object] = {'state': self.state()}
        if current is not None:
            values |= {
                'input': current.source,
                'output': current.output,
                'phase': current.phase,
                'share_done': f'{current.share:.2f}',
            }
        values |= self._refinements.counts
        values['last_answer'] = self._refinements.last
        doing = 'refining' if current is not None else self.state()
        name = f'{self.get_fully_qualified_name().lstrip("/")}: refinement'
        return status_message(name, DiagnosticStatus.OK, doing, values)

    def destroy_node(self) -> None:
        """Free everything."""
        if self._action_server is not None:
            self._action_server.destroy()
        super().destroy_node()


def _filled(response: Any, answer: dict[str, Any]) -> Any:
    for name, value in answer.items():
        setattr(response, name, value)
    return response


def _give_feedback(goal: Any, phase: str, share: float) -> None:
    goal.publish_feedback(action.RefineTracks.Feedback(phase=phase, share=share))


def main(arguments: list[str] | None = None) -> int:
    """Run the node until it is told to stop; the exit status is 1 when it cannot start."""
    return run(RefinerNode, 'refiner', arguments)


if __name__ == '__main__':
    sys.exit(main())
