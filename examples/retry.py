"""Exponential backoff when the server says 429 (section 12.2 of the API reference).

    DASHCAM_SERVER=http://main-server:8000 python examples/retry.py [PATH]

Mended: the printed function uses `random` without importing it.
"""

import os
import random
import sys
import time

import requests

SERVER = os.environ.get("DASHCAM_SERVER", "http://127.0.0.1:8000")
TOKEN = os.environ.get("DASHCAM_TOKEN", "")
HEADERS = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}


def make_request_with_retry(url: str, max_retries: int = 3) -> requests.Response:
    """The answer; asks again, later and later, while there are too many requests or nobody answers."""
    for attempt in range(max_retries):
        try:
            response = requests.get(url, headers=HEADERS)
            if response.status_code == 429 and attempt < max_retries - 1:
                sleep_time = (2**attempt) + random.uniform(0, 1)
                time.sleep(sleep_time)
                continue
            return response
        except requests.RequestException:
            if attempt == max_retries - 1:
                raise
            time.sleep(1)
    raise ValueError("max_retries must be 1 or more")


if __name__ == "__main__":
    path = sys.argv[1] if len(sys.argv) > 1 else "/tasks"
    answer = make_request_with_retry(f"{SERVER}/api/v1{path}")
    print(answer.status_code, answer.text)
