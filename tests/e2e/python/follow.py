"""Follows a ledger until the stream ends, and tells how it ended.

Usage: follow.py STATE-FOLDER
Prints "following" once the first block is there, then one JSON document at the end.
"""

import json
import sys

import grpc

import wire


def main(home):
    messages, services = wire.stubs("ledger")
    blocks, ended = 0, {"code": "OK", "reason": None}
    with wire.as_member(home, "ledger", "cn-customs") as channel:
        ledger = services.LedgerServiceStub(channel)
        try:
            for message in ledger.Follow(messages.FollowRequest(from_height=1)):
                if message.WhichOneof("content") == "part" and message.part.last:
                    blocks += 1
                    if blocks == 1:
                        print("following", flush=True)
        except grpc.RpcError as error:
            ended = wire.refusal(error)
    print(json.dumps({"blocks": blocks, **ended}))


if __name__ == "__main__":
    main(*sys.argv[1:])
