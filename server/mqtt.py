"""Sending notifications to an MQTT broker, by paho-mqtt."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any

from config.settings import NotifySettings
from server.webhooks import Refused
from stages.errors import BadInput

LONGEST = 200
#: Levels of letters, digits and a few signs: neither wildcards nor a broker's own topics.
TOPIC = "[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*"
_QOS = 1  # the broker says that it has it


def checked_topic(text: str) -> str:
    """A topic to publish to. Raises `BadInput`."""
    if len(text) > LONGEST or not re.fullmatch(TOPIC, text.strip()):
        raise BadInput(
            f"topic must be {LONGEST} characters at most, like dashcam/watched: letters, digits, _ . - and /",
            [("topic", "is no topic to publish to")],
        )
    return text.strip()


def publish(settings: NotifySettings, messages: Sequence[tuple[str, bytes]]) -> None:
    """Publish `(topic, body)` over one connection, and wait until the broker has each. For a thread.

    Raises `Refused`.
    """
    if not settings.mqtt_host:
        raise Refused("no broker is set; name it in [notify] mqtt_host")
    from paho.mqtt import client as paho  # most servers tell no broker
    from paho.mqtt.enums import CallbackAPIVersion

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
    answered, said = threading.Event(), []

    def connected(_c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
        said.append(code)
        answered.set()

    client.on_connect = connected
    client.connect_timeout = settings.timeout_seconds
    if settings.mqtt_user:
        client.username_pw_set(settings.mqtt_user, settings.mqtt_password or None)
    if settings.mqtt_tls:
        client.tls_set()
    where = f"{settings.mqtt_host}:{settings.mqtt_port}"
    try:
        client.connect(settings.mqtt_host, settings.mqtt_port)
        client.loop_start()
        if not answered.wait(settings.timeout_seconds):
            raise Refused(f"the broker {where} did not answer within {settings.timeout_seconds:g} s")
        if said[0].is_failure:
            raise Refused(f"the broker {where} refused: {said[0]}")
        for topic, body in messages:
            sent = client.publish(topic, body, qos=_QOS)
            sent.wait_for_publish(settings.timeout_seconds)
            if not sent.is_published():
                raise Refused(f"the broker {where} did not confirm within {settings.timeout_seconds:g} s")
    except (OSError, ValueError, RuntimeError) as error:
        raise Refused(f"the broker {where} could not be reached: {error}") from None
    finally:
        client.disconnect()
        client.loop_stop()
