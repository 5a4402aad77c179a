"""Calls a Quayside node over mutual TLS, with stubs made from the protos at run time."""

import atexit
import importlib
import pathlib
import shutil
import sys
import tempfile

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

PROTOS = pathlib.Path(__file__).resolve().parents[3] / "proto"
MESSAGE_BYTES_AT_MOST = 64 * 1024 * 1024


def stubs(area):
    """Generates and imports the two modules of one area: (messages, services)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quayside-stubs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    files = [str(path.relative_to(PROTOS)) for path in sorted(PROTOS.glob("quayside/*/v1/*.proto"))]
    assert files, f"no protos under {PROTOS}"
    arguments = ["protoc", f"-I{PROTOS}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main(arguments + files) == 0, "the protos do not compile"
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    name = f"quayside.{area}.v1.{area}"
    return importlib.import_module(f"{name}_pb2"), importlib.import_module(f"{name}_pb2_grpc")


def address(home, role):
    """Returns where a role of the node on this state folder listens."""
    return (pathlib.Path(home) / "data" / role / "address").read_text().strip()


def channel(home, role, certificate, key):
    """Opens a channel to a role, as the holder of a certificate (PEM bytes)."""
    authority = (pathlib.Path(home) / "authority" / "ca.pem").read_bytes()
    credentials = grpc.ssl_channel_credentials(authority, key, certificate)
    options = [
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", MESSAGE_BYTES_AT_MOST),
        ("grpc.enable_retries", 0),
    ]
    return grpc.secure_channel(address(home, role), credentials, options)


def as_member(home, role, member):
    """Opens a channel to a role with the client certificate of a member."""
    folder = pathlib.Path(home) / "members" / member
    certificate = (folder / "client.pem").read_bytes()
    return channel(home, role, certificate, (folder / "client.key").read_bytes())


def refusal(error):
    """Turns a grpc.RpcError into code, reason, domain, field paths and message."""
    told = {"code": error.code().name, "reason": None, "domain": None, "fields": []}
    told["message"] = error.details()
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            told["reason"], told["domain"] = info.reason, info.domain
        if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            told["fields"] = [violation.field for violation in bad.field_violations]
    return told
