"""Captures without pause while the node is killed again and again, and audits it afterwards.

Usage: load.py run STATE-FOLDER      until stdin closes; prints one JSON line for each thing promised
       load.py audit STATE-FOLDER    reads those lines from stdin and checks them against the node
A document follows from its request id alone, so that the audit can send it once more.
"""

import concurrent.futures
import json
import os
import sys
import threading
import time

import cbor2
import grpc

import wire

MEMBER = "hz-forwarder"
CLIENTS = 8
EVENTS_AT_MOST = 20


def document(request_id):
    """One to twenty events; all follow from the request id."""
    events = 1 + request_id[0] % EVENTS_AT_MOST
    item = f"https://example.org/load/{request_id.hex()}"
    event = {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "eventTime": "2026-09-01T09:12:00.000Z",
        "eventTimeZoneOffset": "+00:00",
    }
    return json.dumps([{**event, "epcList": [f"{item}/{n}"]} for n in range(events)]).encode()


class Client:
    """A client that reconnects wherever the node listens by now."""

    pb, stub = wire.stubs("gateway")
    ledger_pb, ledger_stub = wire.stubs("ledger")

    def __init__(self, home):
        self.home = home
        self.channels = []

    def connect(self):
        self.close()
        gateway = wire.as_member(self.home, "gateway", MEMBER)
        ledger = wire.as_member(self.home, "ledger", MEMBER)
        self.channels = [gateway, ledger]
        self.gateway = self.stub.GatewayServiceStub(gateway)
        self.ledger = self.ledger_stub.LedgerServiceStub(ledger)

    def close(self):
        for channel in self.channels:
            channel.close()

    def capture(self, request_id):
        request = self.pb.CaptureEventsRequest(request_id=request_id, document=document(request_id))
        return self.gateway.CaptureEvents(request, timeout=20)

    def status(self):
        return self.ledger.GetStatus(self.ledger_pb.GetStatusRequest(), timeout=5)


def promise(answer, request_id):
    commitments = [outcome.commitment.hex() for outcome in answer.outcomes]
    place = {"index": answer.index, "height": answer.height}
    return {"id": request_id.hex(), **place, "commitments": commitments}


def run(home):
    stopped = threading.Event()
    lock = threading.Lock()

    def say(line):
        with lock:
            print(json.dumps(line), flush=True)

    def work(step):
        client = Client(home)
        while not stopped.is_set():
            try:
                client.connect()
                while not stopped.is_set():
                    step(client)
            except (grpc.RpcError, OSError):
                time.sleep(0.02)
        client.close()

    def captures():
        pending = [None]

        def step(client):
            # A request without an answer is sent again under its id, as a careful client does.
            pending[0] = pending[0] or os.urandom(16)
            say(promise(client.capture(pending[0]), pending[0]))
            pending[0] = None

        return step

    def watch(client):
        status = client.status()
        roots = {"log_root": status.log_root.hex(), "state_root": status.state_root.hex()}
        say({"status": status.height, "log_size": status.log_size, **roots})
        time.sleep(0.02)

    steps = [captures() for _ in range(CLIENTS)] + [watch]
    threads = [threading.Thread(target=work, args=[step]) for step in steps]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stopped.set()
    for thread in threads:
        thread.join()


def audit(home):
    lines = [json.loads(line) for line in sys.stdin if line.strip()]
    promises = [line for line in lines if "id" in line]
    statuses = {line["status"]: line for line in lines if "status" in line}
    faults = []
    local = threading.local()

    def check(line):
        if not hasattr(local, "client"):
            local.client = Client(home)
            local.client.connect()
        request_id = bytes.fromhex(line["id"])
        found = promise(local.client.capture(request_id), request_id)
        return None if found == line else f"promised {line}, found {found}"

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        faults += [fault for fault in pool.map(check, promises) if fault]

    client = Client(home)
    client.connect()
    height = client.status().height
    seen = 0
    for part in client.ledger.Follow(client.ledger_pb.FollowRequest(from_height=1), timeout=600):
        if part.WhichOneof("content") != "part":
            continue
        if part.part.header:
            header = cbor2.loads(part.part.header)
            told = statuses.get(header[2])
            roots = {"log_size": header[6], "log_root": header[7].hex(), "state_root": header[8].hex()}
            if told:
                seen += 1
                if any(told[name] != value for name, value in roots.items()):
                    faults.append(f"status {told}, header {roots}")
        if part.part.height >= height and part.part.last:
            break
    missing = [told for told in statuses if told > height]
    faults += [f"height {told} was told, the ledger ends at {height}" for told in missing]
    report = {"promises": len(promises), "roots": seen, "height": height}
    print(json.dumps({**report, "faults": faults[:20], "fault_count": len(faults)}))


if __name__ == "__main__":
    {"run": run, "audit": audit}[sys.argv[1]](sys.argv[2])
