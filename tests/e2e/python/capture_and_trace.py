"""Captures a document and traces an item, as an independent client would.

Usage: capture_and_trace.py STATE-FOLDER MEMBER DOCUMENT ITEM
Prints one JSON document: what was captured and what the trace says.
"""

import json
import os
import pathlib
import sys

import wire


def main(home, member, document, item):
    messages, services = wire.stubs("gateway")
    with wire.as_member(home, "gateway", member) as channel:
        gateway = services.GatewayServiceStub(channel)
        request = messages.CaptureEventsRequest(
            request_id=os.urandom(16), document=pathlib.Path(document).read_bytes()
        )
        captured = gateway.CaptureEvents(request, timeout=30)
        again = gateway.CaptureEvents(request, timeout=30)
        traced = gateway.TraceItem(messages.TraceItemRequest(item=item, with_bundles=True), timeout=30)
    answer = {
        "index": captured.index,
        "height": captured.height,
        "same_answer_again": (again.index, again.height) == (captured.index, captured.height),
        "captured": [outcome.commitment.hex() for outcome in captured.outcomes],
        "item": traced.item,
        "complete": traced.complete,
        "gap": traced.gap.reason,
        "count": traced.count,
        "steps": [
            {
                "commitment": step.commitment.hex(),
                "issuer": step.issuer,
                "event": json.loads(step.event) if step.event else None,
                "bundle_bytes": len(step.bundle),
            }
            for step in traced.steps
        ],
        "checkpoint": {
            "consortium": traced.checkpoint.consortium,
            "log_size": traced.checkpoint.log_size,
        },
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
