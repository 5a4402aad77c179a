"""Sends everything that must be refused, and tells how each was refused.

Usage: refusals.py STATE-FOLDER PROGRAM
Prints one JSON document: case -> {code, reason, domain, fields, message}. The names of the cases are
those of docs/guide/refusals.md.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

import cbor2
import grpc

import record
import weak
import wire

MEMBER = "zj-merchant"
ITEM = "https://id.gs1.org/01/09521001123457/21/7001"
EVENT = {
    "type": "ObjectEvent",
    "action": "OBSERVE",
    "bizStep": "receiving",
    "epcList": [ITEM],
    "eventTime": "2026-09-01T09:12:00.000Z",
    "eventTimeZoneOffset": "+08:00",
}


class Cases:
    """Every case is a method named `case_...` whose docstring is the case's name in the guide."""

    def __init__(self, home, program):
        self.home, self.program = home, program
        self.ledger_pb, self.ledger_stub = wire.stubs("ledger")
        self.gateway_pb, self.gateway_stub = wire.stubs("gateway")
        self.ledger = self.ledger_stub.LedgerServiceStub(wire.as_member(home, "ledger", MEMBER))
        self.gateway = self.gateway_stub.GatewayServiceStub(wire.as_member(home, "gateway", MEMBER))
        self.keys_pb, self.keys_stub = wire.stubs("keys")
        self.keys = self.keys_stub.KeysServiceStub(wire.as_member(home, "keys", MEMBER))

    def height(self):
        return self.ledger.GetStatus(self.ledger_pb.GetStatusRequest(), timeout=10).height

    def draft(self, issuer=MEMBER, event=None, items=(ITEM,), window=100):
        return record.Draft(self.home, issuer, [(event or EVENT, items)], self.height() + window)

    def append(self, draft, statement=None, **changes):
        parts = {
            "request_id": draft.request_id,
            "statement": statement if statement is not None else draft.statement(),
            "leaves": draft.leaves,
            "bodies": draft.bodies,
            **changes,
        }
        return self.ledger.AppendStatement(
            self.ledger_pb.AppendStatementRequest(**parts), timeout=60
        )

    def capture(self, document, request_id=None, gateway=None):
        request = self.gateway_pb.CaptureEventsRequest(
            request_id=request_id or os.urandom(16),
            document=document if isinstance(document, bytes) else json.dumps(document).encode(),
        )
        return (gateway or self.gateway).CaptureEvents(request, timeout=60)

    def status_as(self, certificate, key):
        with wire.channel(self.home, "ledger", certificate, key) as channel:
            stub = self.ledger_stub.LedgerServiceStub(channel)
            stub.GetStatus(self.ledger_pb.GetStatusRequest(), timeout=10)

    # Who calls.

    def case_no_certificate(self):
        "no client certificate"
        self.status_as(None, None)

    def case_unknown_member(self):
        "a certificate of an unknown member"
        self.status_as(*weak.certificate(self.home, "spiffe://demo/member/nobody/client"))

    def case_other_consortium(self):
        "a certificate of another consortium"
        uri = f"spiffe://other/member/{MEMBER}/client"
        self.status_as(*weak.certificate(self.home, uri))

    def case_no_party(self):
        "a certificate that names no party"
        self.status_as(*weak.certificate(self.home, "spiffe://demo/machine/7"))

    def case_revoked(self):
        "a revoked certificate"
        folder = pathlib.Path(self.home) / "members" / "es-post"
        line = [self.program, "admin", "revoke", folder / "client.pem", "--yes"]
        environment = {**os.environ, "QUAYSIDE_STATE": self.home}
        done = subprocess.run(line, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        certificate, key = (folder / "client.pem").read_bytes(), (folder / "client.key").read_bytes()
        # The node reads the list again within seconds; until then the call succeeds.
        for _ in range(150):
            self.status_as(certificate, key)
            time.sleep(0.1)

    def case_foreign_issuer(self):
        "a statement of another member"
        self.append(self.draft(issuer="sky-air"))

    # What is signed.

    def case_wrong_signature(self):
        "a wrong signature"
        draft = self.draft()
        protected, payload, signature = draft.parts()
        spoiled = bytes([signature[0] ^ 1, *signature[1:]])
        self.append(draft, self.sign1(protected, payload, spoiled))

    def case_other_key(self):
        "a signature with a key that is not the member's"
        draft = self.draft()
        draft.key = record.Ed25519PrivateKey.generate()
        draft.public = record.public_bytes(draft.key)
        self.append(draft)

    def case_small_order_key(self):
        "a signature with a small-order key"
        draft = self.draft()
        draft.public = weak.NEUTRAL
        protected, payload, _ = draft.parts()
        # Under the neutral key, R = S·B for any S: everybody can make this "signature".
        self.append(draft, self.sign1(protected, payload, weak.NEUTRAL + bytes(32)))

    def case_small_order_key_registered(self):
        "a small-order key to be registered"
        draft = self.draft()
        proof = weak.NEUTRAL + bytes(32)
        draft.act("retire-key", record.encode([1, weak.NEUTRAL, proof]))
        self.append(draft)

    def case_small_order_point(self):
        "a signature with a small-order R"
        draft = self.draft()
        protected, payload, _ = draft.parts()
        signed = record.encode(["Signature1", protected, b"", payload])
        seed = draft.key.private_bytes_raw()
        forged = weak.neutral_signature(seed, draft.public, signed)
        self.append(draft, self.sign1(protected, payload, forged))

    def case_non_minimal(self):
        "a statement in non-minimal CBOR"
        draft = self.draft()
        statement = draft.statement()
        assert statement[0] == 0xD2, "tag 18 in one byte"
        self.append(draft, bytes([0xD8, 18, *statement[1:]]))

    def case_content_type(self):
        "a wrong content type"
        draft = self.draft()
        draft.content_type = "application/json"
        self.append(draft)

    def case_truncated_statement(self):
        "a truncated statement"
        draft = self.draft()
        self.append(draft, draft.statement()[:-7])

    def case_other_consortium_signed(self):
        "a statement of another consortium"
        draft = record.Draft(self.home, MEMBER, [(EVENT, [ITEM])], self.height() + 100, "other")
        self.append(draft)

    # What goes beside the statement.

    def case_truncated_body(self):
        "a truncated body"
        draft = self.draft()
        self.append(draft, bodies=[draft.bodies[0][:-5]])

    def case_truncated_body_bound(self):
        "a truncated body, bound by its leaf"
        draft = self.draft()
        leaf = cbor2.loads(draft.leaves[0])
        draft.bodies = [draft.bodies[0][:-5]]
        digest = record.digest("body v1", draft.bodies[0])
        draft.leaves = [record.encode([1, leaf[1], digest, [list(tag) for tag in leaf[3]]])]
        self.append(draft)

    def case_missing_leaf(self):
        "fewer leaves than were signed"
        draft = record.Draft(self.home, MEMBER, [(EVENT, [ITEM])] * 2, self.height() + 100)
        self.append(draft, leaves=draft.leaves[:1], bodies=draft.bodies[:1])

    def case_other_commitment(self):
        "a commitment to another event"
        draft = self.draft()
        leaf = cbor2.loads(draft.leaves[0])
        other = record.commitment("demo", MEMBER, bytes(32), EVENT)
        draft.leaves = [record.encode([1, other, leaf[2], [list(tag) for tag in leaf[3]]])]
        self.append(draft)

    def case_other_tags(self):
        "tags of other items"
        self.append(self.draft(items=["https://id.gs1.org/01/09521001123457/21/9999"]))

    # Time and repetition.

    def case_reused_at_gateway(self):
        "a reused request id with other content"
        request_id = os.urandom(16)
        self.capture(EVENT, request_id)
        self.capture({**EVENT, "bizStep": "shipping"}, request_id)

    def case_reused_at_ledger(self):
        "a reused request id with another statement"
        first, second = self.draft(), self.draft()
        second.request_id = first.request_id
        self.append(first)
        self.append(second)

    def case_expired(self):
        "a statement replayed after its last height"
        draft = self.draft(window=3)
        first = self.append(draft)
        again = self.append(draft)
        assert (again.index, again.repeated) == (first.index, True), "before, it is answered again"
        while self.height() <= draft.last_height:
            self.capture(EVENT)
        self.append(draft)

    def case_window(self):
        "a last height too far ahead"
        self.append(self.draft(window=10_000_000))

    def case_short_request_id(self):
        "a request id of 15 bytes"
        self.capture(EVENT, os.urandom(15))

    # Documents.

    def case_deep(self):
        "JSON 2,000 levels deep"
        self.capture(b'{"a":' * 2_000 + b"1" + b"}" * 2_000)

    def case_large(self):
        "a request of 100 MiB"
        self.capture(b" " * (100 * 1024 * 1024))

    def case_no_event_time(self):
        "an event without eventTime"
        self.capture({name: value for name, value in EVENT.items() if name != "eventTime"})

    def case_bad_check_digit(self):
        "an identifier with a wrong check digit"
        self.capture({**EVENT, "epcList": [ITEM.replace("123457", "123458")]})

    def case_no_json(self):
        "a document that is no JSON"
        self.capture(b"<epcis:EPCISDocument/>")

    def case_twice_named(self):
        "a name given twice in one object"
        self.capture(json.dumps(EVENT)[:-1].encode() + b',"action":"ADD"}')

    def case_many_events(self):
        "10,001 events in one call"
        self.capture([EVENT] * 10_001)

    def case_unknown_commitment(self):
        "a bundle of an unknown event"
        request = self.ledger_pb.GetBundleRequest(commitment=bytes(32))
        self.ledger.GetBundle(request, timeout=10)

    # Orders and journeys.

    def order(self, request_id=None, **changes):
        pb = self.gateway_pb
        parts = {
            "goods": [pb.Good(sgtin=ITEM.replace("7001", "9001"), description="a cup")],
            "parties": pb.Parties(
                forwarder="hz-forwarder",
                export_customs="cn-customs",
                airline="sky-air",
                import_customs="be-customs",
                last_mile="es-post",
            ),
            "buyer": pb.Buyer(name="A", address="B", telephone="1", identity_number="2"),
            **changes,
        }
        request = pb.CreateOrderRequest(request_id=request_id or os.urandom(16), **parts)
        return self.gateway.CreateOrder(request, timeout=60).order

    def advance(self, journey, step=0):
        request = self.gateway_pb.AdvanceJourneyRequest(
            request_id=os.urandom(16), journey=journey, expected_step=step
        )
        return self.gateway.AdvanceJourney(request, timeout=60)

    def case_other_view(self):
        "another member's view"
        request = self.gateway_pb.TraceItemRequest(item=ITEM, view_of="sky-air")
        self.gateway.TraceItem(request, timeout=10)

    def case_no_buyer(self):
        "an order without a buyer"
        self.order(buyer=None)

    def case_no_goods(self):
        "an order without goods"
        self.order(goods=[])

    def case_no_sscc(self):
        "an order for a parcel that is no SSCC"
        self.order(parcel=ITEM)

    def case_reused_for_order(self):
        "a reused request id with another order"
        request_id = os.urandom(16)
        self.order(request_id)
        goods = [self.gateway_pb.Good(sgtin=ITEM.replace("7001", "9002"), description="a jug")]
        self.order(request_id, goods=goods)

    def case_unknown_journey(self):
        "a journey that nobody made"
        request = self.gateway_pb.GetOrderRequest(journey="0123456789abcdef")
        self.gateway.GetOrder(request, timeout=10)

    def case_step_done(self):
        "a step that is done"
        self.advance(self.order().journey, step=1)

    def case_foreign_step(self):
        "a step of another member"
        journey = self.order().journey
        assert self.advance(journey).step == 2, "packed"
        self.advance(journey, step=3)

    # Reader entries.

    def put_entry(self, entry):
        request = self.ledger_pb.PutReaderEntriesRequest(entries=[entry])
        self.ledger.PutReaderEntries(request, timeout=10)

    def remove_entry(self, **changes):
        key = self.ledger_pb.ReaderEntryKey(commitment=bytes(32), part=0, reader="cn-customs")
        request = self.ledger_pb.RemoveReaderEntriesRequest(keys=[key], **changes)
        self.ledger.RemoveReaderEntries(request, timeout=10)

    def case_no_entry(self):
        "a truncated reader entry"
        self.put_entry(record.Entry(self.home, MEMBER, "cn-customs").encoded()[:-7])

    def case_foreign_entry(self):
        "a reader entry of another sealer"
        self.put_entry(record.Entry(self.home, "sky-air", "cn-customs").encoded())

    def case_forged_entry(self):
        "a reader entry with a wrong signature"
        entry = record.Entry(self.home, MEMBER, "cn-customs")
        entry.key = record.Ed25519PrivateKey.generate()
        self.put_entry(entry.encoded())

    def case_entry_of_nothing(self):
        "a reader entry for an event that is not in the log"
        self.put_entry(record.Entry(self.home, MEMBER, "cn-customs").encoded())

    def case_entry_removed_for_another(self):
        "a reader entry removed in another member's name"
        self.remove_entry(member="cn-customs")

    def case_entry_of_others_removed(self):
        "a reader entry removed by neither reader nor sealer"
        self.remove_entry()

    def case_entries_of_another(self):
        "the reader entries of another member followed"
        request = self.ledger_pb.FollowReaderEntriesRequest(members=["sky-air"])
        next(self.ledger.FollowReaderEntries(request, timeout=10))

    # Secrets and links.

    def draw(self, keys=None, peer=("sky-air", "xiaoshan"), length=32, member=""):
        request = self.keys_pb.DrawRequest(
            request_id=os.urandom(16),
            member=member,
            peer=self.keys_pb.Peer(member=peer[0], site=peer[1]),
            length=length,
        )
        return (keys or self.keys).Draw(request, timeout=10)

    def case_foreign_secret(self):
        "a secret drawn in another member's name"
        self.draw(member="hz-forwarder")

    def case_secret_elsewhere(self):
        "a secret drawn by a member of another site"
        channel = wire.as_member(self.home, "keys", "sky-air")
        self.draw(self.keys_stub.KeysServiceStub(channel))

    def case_short_secret(self):
        "a secret of 8 bytes"
        self.draw(length=8)

    def case_secret_for_nobody(self):
        "a secret to share with an unknown member"
        self.draw(peer=("nobody", "xiaoshan"))

    def case_bent_handle(self):
        "a truncated handle"
        drawn = self.draw()
        assert len(drawn.secret) == 32, "an honest draw gives a secret"
        request = self.keys_pb.RecoverRequest(
            request_id=os.urandom(16),
            peer=self.keys_pb.Peer(member="sky-air", site="xiaoshan"),
            handle=drawn.handle[:-1],
        )
        self.keys.Recover(request, timeout=10)

    def case_unknown_link(self):
        "a link that does not end here"
        self.keys.RestoreLink(self.keys_pb.RestoreLinkRequest(link="no-such"), timeout=10)

    def case_foreign_frames(self):
        "frames of a link from anyone but its far end"
        stub = self.keys_stub.LinkServiceStub(wire.as_member(self.home, "keys", MEMBER))
        next(stub.Frames(iter([self.keys_pb.FramesRequest(link="hz-xs")]), timeout=10))

    @staticmethod
    def sign1(protected, payload, signature):
        return record.encode(cbor2.CBORTag(18, [protected, {}, payload, signature]))

    def all(self):
        """Runs every case; between them, an honest statement shows that the process lives on."""
        told = {}
        for name in [name for name in dir(self) if name.startswith("case_")]:
            method = getattr(self, name)
            try:
                method()
                told[method.__doc__] = {"code": "OK", "reason": None}
            except grpc.RpcError as error:
                told[method.__doc__] = wire.refusal(error)
            appended = self.append(self.draft())
            assert appended.index > 0, "an honest statement is appended"
        return told


if __name__ == "__main__":
    print(json.dumps(Cases(*sys.argv[1:]).all()))
