"""A producer of your own: puts a SendRequest on mail.requests, without going through Millrace's API.

    python send.py ada@gmail.com grace@yahoo.com

The schema comes from the registry, so nothing of Millrace is needed here. Every field has a default: only what is
not the default is said.
"""

import json
import os
import sys
import uuid

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

BROKERS = os.environ.get("KAFKA_BROKERS", "127.0.0.1:9092")
REGISTRY_URL = os.environ.get("SCHEMA_REGISTRY_URL", "http://127.0.0.1:8081/apis/ccompat/v7")
TENANT = os.environ.get("MILLRACE_TENANT", "local")
TOPIC = os.environ.get("MILLRACE_TOPIC", "mail.requests")
FROM = os.environ.get("MILLRACE_FROM", "shop@millrace.test")


def send_request(recipients: list[str], idempotency_key: str) -> dict:
    """The record's value: one content, one message for each recipient."""
    return {
        "tenant": TENANT,
        "idempotency_key": idempotency_key,
        "via": "avro",
        "category": "receipt",
        "mail_from": {"address": FROM, "name": "The Shop"},
        "recipients": [{"address": address} for address in recipients],
        "composed": {
            "subject": "Your order 4711",
            "text": "Thank you! Your order is on its way.\n",
            "html": "<p>Thank you! Your order is <b>on its way</b>.</p>",
        },
        "headers": [{"name": "X-Order", "value": "4711"}],
        "tags": ["order"],
        "metadata": {"order": "4711"},
    }


def main(recipients: list[str]) -> int:
    if not recipients:
        print("usage: python send.py ADDRESS...", file=sys.stderr)
        return 2

    # The subject is the default strategy's: <topic>-value. Millrace registers its schemas; a producer uses them as
    # they are.
    serializer = AvroSerializer(
        SchemaRegistryClient({"url": REGISTRY_URL}),
        conf={"auto.register.schemas": False, "use.latest.version": True},
    )
    # Idempotent means acks=all: once a record is delivered, it survives the loss of a broker and is there once.
    producer = Producer({"bootstrap.servers": BROKERS, "enable.idempotence": True, "client.id": "example-shop"})

    # What your application calls this request. It is part of the record's key, so that a repetition follows the first
    # one in the same partition.
    idempotency_key = str(uuid.uuid4())
    outcome: dict = {}

    def delivered(error, record) -> None:
        outcome["error"] = error
        outcome["record"] = record

    producer.produce(
        TOPIC,
        key=f"{TENANT}/{idempotency_key}",
        value=serializer(
            send_request(recipients, idempotency_key), SerializationContext(TOPIC, MessageField.VALUE)
        ),
        on_delivery=delivered,
    )
    producer.flush(30)

    if outcome.get("error") is not None or "record" not in outcome:
        print(f"not delivered: {outcome.get('error', 'no answer within 30 s')}", file=sys.stderr)
        return 1
    record = outcome["record"]
    print(
        json.dumps(
            {
                "topic": record.topic(),
                "partition": record.partition(),
                "offset": str(record.offset()),
                "recipients": len(recipients),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
