"""`dashcam retry`: tasks that were given up go back into the queue."""

from __future__ import annotations

from dashcam_cli import common
from dashcam_cli.output import FAILED, leave, print_json, printable, say
from stages.errors import BadInput, Conflict, NotFound


def retry_tasks(task_ids: list[int], everything: bool, url: str | None, as_json: bool) -> None:
    """Retry the named tasks, or every one that failed; exit 1 when one could not be."""
    if bool(task_ids) == everything:
        raise BadInput("name the tasks to try again (dashcam status shows them), or give --failed for all")
    client = common.client(common.settings(url=url))
    chosen = [task["task_id"] for task in client.failures()] if everything else task_ids
    done, refused = [], 0
    for task_id in chosen:
        try:
            done.append(client.retry(task_id))
        except (Conflict, NotFound) as error:
            refused += 1
            say(f"dashcam: {printable(str(error))}")
    if as_json:
        print_json(done)
    else:
        print(f"{len(done)} back in the queue")  # noqa: T201
    if refused:
        leave(FAILED)
