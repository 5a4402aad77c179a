//! A client that knows no protos, to send what ours would not.

use bytes::{Buf, BufMut};
use http::uri::PathAndQuery;
use rpc::client::Endpoint;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Request, Status};

/// Connects as `endpoint` says, with nothing of ours between.
pub(crate) async fn channel(endpoint: &Endpoint) -> Result<Channel, tonic::transport::Error> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&endpoint.ca_pem))
        .identity(Identity::from_pem(&endpoint.cert_pem, &endpoint.key_pem));
    Channel::from_shared(endpoint.url.clone()).unwrap().tls_config(tls)?.connect().await
}

/// Calls a method with these bytes as the message.
pub(crate) async fn call(
    channel: Channel,
    path: &str,
    message: Vec<u8>,
) -> Result<Vec<u8>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::try_from(path).unwrap();
    Ok(client.unary(Request::new(message), path, Bytes).await?.into_inner())
}

/// Begins a call whose message never comes, and gives how it ends.
pub(crate) async fn call_without_end(channel: Channel, path: &str) -> Status {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = PathAndQuery::try_from(path).unwrap();
    let never = Request::new(tokio_stream::pending());
    client.client_streaming(never, path, Bytes).await.unwrap_err()
}

/// A field of kind bytes, as protobuf writes it.
pub(crate) fn bytes_field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![(number << 3) | 2];
    let mut length = value.len();
    while length > 0x7f {
        out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend_from_slice(value);
    out
}

/// Messages as they are.
#[derive(Clone, Copy)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, input: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(input.copy_to_bytes(input.remaining()).to_vec()))
    }
}
