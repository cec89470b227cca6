"""Writes an event file as TensorBoard's own writer does, for the test of reliad-training's.

    python parity/training/events.py crates/reliad-training/tests/fixtures/events.golden
"""

import sys

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


def scalars(wall_time, step, **values):
    summary = Summary(value=[Summary.Value(tag=tag.replace("__", "/"), simple_value=value) for tag, value in values.items()])
    return Event(wall_time=wall_time, step=step, summary=summary)


events = [
    Event(wall_time=0.0, file_version="brain.Event:2"),
    scalars(1_700_000_000.5, 3, loss=0.25, held_out__f1=0.5),
    scalars(1_700_000_060.0, 300, loss=0.125),
]
with open(sys.argv[1], "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
    writer.flush()
