"""Validate a task before it is sent (section 13.3 of the API reference).

    python examples/validate.py < task.json

Needs this project installed, and no server. Ends with 1 when the task is not valid.
Mended: the printed lines return outside of a function; here they are one. What it catches are the errors
that bad text can raise, instead of every error.
"""

import json
import sys

from config.loader import ConfigurationLoader


def validate(request_body: str | bytes) -> tuple[dict, int]:
    """The task and 200, or what is wrong with it and 400."""
    # Validate task structure
    try:
        task_data = json.loads(request_body)
        loader = ConfigurationLoader()
        errors = loader.validate_config(task_data)
        if errors:
            raise ValueError("\n".join(errors))
    except (ValueError, RecursionError) as e:
        return {"error": str(e)}, 400
    return task_data, 200


if __name__ == "__main__":
    shown, status = validate(sys.stdin.buffer.read())
    print(json.dumps(shown, indent=2))
    sys.exit(status != 200)
