//! Who is let in, and for whom a caller may speak.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use capture::{Capturer, Error as CaptureError};
use futures_util::StreamExt as _;
use rpc::client::{self, Code};
use rpc::{RevocationError, Revoked};
use statement::{Height, RequestId};
use tokio::time::timeout;

use crate::authority::Authority;
use crate::house::{House, MERCHANT, demo, document, id, keys};
use crate::raw;

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_refused_on_a_connection_that_stands() {
    let house = House::start().await;
    let pass = house.merchant();
    let ledger = client::Ledger::connect(&pass.to(&house.ledger_url, &house.authority)).unwrap();
    ledger.status().await.unwrap();
    let list = house.authority.revoke(&[7, 100]);
    assert_eq!(house.revoked.load(&list, &house.authority.pem()), Ok(2));
    let error = ledger.status().await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::Unauthenticated, "CERTIFICATE_REVOKED"));
    // Health and reflection are no way around it.
    let channel = raw::channel(&pass.to(&house.ledger_url, &house.authority)).await.unwrap();
    let status = raw::call(channel, "/grpc.health.v1.Health/Check", Vec::new()).await.unwrap_err();
    assert_eq!(client::Error::from(status).reason, "CERTIFICATE_REVOKED");
    house.revoked.load(&house.authority.revoke(&[]), &house.authority.pem()).unwrap();
    ledger.status().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_callers_certificate_is_revoked() {
    let house = House::start().await;
    let pass = house.merchant();
    let ledger = client::Ledger::connect(&pass.to(&house.ledger_url, &house.authority)).unwrap();
    let mut blocks = ledger.follow(Height(1)).await.unwrap();
    let mut others = house.ledger(MERCHANT).follow(Height(1)).await.unwrap();
    assert!(blocks.next().await.unwrap().is_ok() && others.next().await.unwrap().is_ok());
    house.revoked.load(&house.authority.revoke(&[100]), &house.authority.pem()).unwrap();
    let error = timeout(Duration::from_secs(5), blocks.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::Unauthenticated, "CERTIFICATE_REVOKED"));
    // The same member's other certificate counts as before.
    house.gateway(MERCHANT).capture(RequestId([1; 16]), document(&[1])).await.unwrap();
    assert!(others.next().await.unwrap().is_ok());
}

#[test]
fn a_revocation_list_that_the_authority_has_not_signed_changes_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let revoked = Revoked::default();
    assert_eq!(revoked.load(&authority.revoke(&[5]), &authority.pem()), Ok(1));
    let foreign = revoked.load(&stranger.revoke(&[]), &authority.pem());
    assert_eq!(foreign, Err(RevocationError::NotSigned));
    assert!(matches!(
        revoked.load("no list", &authority.pem()),
        Err(RevocationError::ListMalformed(_))
    ));
    assert!(revoked.contains(&rpc::Serial::new(&[0, 5])), "the old list still counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_does_not_connect() {
    let house = House::start().await;
    let stranger = Authority::new();
    let pass = stranger.issue(&[MERCHANT], 100);
    let ledger = client::Ledger::connect(&pass.to(&house.ledger_url, &house.authority)).unwrap();
    let error = ledger.status().await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::Unavailable, "UNREACHABLE"));
    // And a client does not talk to a server that its own authority does not know.
    let ledger = client::Ledger::connect(&house.merchant().to(&house.ledger_url, &stranger));
    let error = ledger.unwrap().status().await.unwrap_err();
    assert_eq!(error.reason, "UNREACHABLE");
    assert!(error.message.contains("certificate"), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_member_and_a_name_that_is_none_are_told_apart() {
    let house = House::start().await;
    let error = house.ledger("spiffe://demo/member/nobody/client").status().await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::PermissionDenied, "MEMBER_UNKNOWN"));
    let error = house.ledger("spiffe://demo/site/nowhere/gateway").status().await.unwrap_err();
    assert_eq!(error.reason, "MEMBER_UNKNOWN");
    for uri in ["spiffe://other/member/zj-merchant/client", "https://demo/zj-merchant"] {
        let error = house.ledger(uri).status().await.unwrap_err();
        assert_eq!(
            (error.code, error.reason.as_str()),
            (Code::Unauthenticated, "CERTIFICATE_INVALID"),
            "{uri}"
        );
    }
    let two = house.authority.issue(&[MERCHANT, "spiffe://demo/member/cn-customs/client"], 9);
    let ledger = client::Ledger::connect(&two.to(&house.ledger_url, &house.authority)).unwrap();
    assert_eq!(ledger.status().await.unwrap_err().reason, "CERTIFICATE_INVALID");
}

/// Captures in the merchant's name, with the merchant's key, over this client.
async fn capture_over(ledger: client::Ledger, number: u8) -> Result<(), CaptureError> {
    let served = BTreeMap::from([(id("zj-merchant"), keys("zj-merchant"))]);
    let capturer = Capturer::new(demo(), served, Arc::new(ledger));
    let request_id = RequestId([number; 16]);
    capturer.capture(&id("zj-merchant"), request_id, document(&[1])).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_appends_its_own_statements_only() {
    let house = House::start().await;
    capture_over(house.ledger(MERCHANT), 1).await.unwrap();
    capture_over(house.ledger("spiffe://demo/site/hangzhou/gateway"), 2).await.unwrap();
    for (number, uri) in [
        (3, "spiffe://demo/member/cn-customs/client"),
        (4, "spiffe://demo/site/xiaoshan/gateway"),
        (5, "spiffe://demo/site/hangzhou/client"),
    ] {
        let error = capture_over(house.ledger(uri), number).await.unwrap_err();
        assert_eq!(error.reason(), "CALLER_NOT_ISSUER", "{uri}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_acts_for_the_members_whose_keys_it_holds() {
    let house = House::start().await;
    let customs = house.gateway("spiffe://demo/member/cn-customs/client");
    let error = customs.capture(RequestId([1; 16]), document(&[1])).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::PermissionDenied, "MEMBER_UNKNOWN"));
    let error = customs.trace("urn:epc:id:sgtin:0614141.107346.1", false).await.unwrap_err();
    assert_eq!(error.reason, "MEMBER_UNKNOWN");
    let site = house.gateway("spiffe://demo/site/hangzhou/gateway");
    let error = site.capture(RequestId([1; 16]), document(&[1])).await.unwrap_err();
    assert_eq!(error.reason, "CALLER_NOT_ISSUER");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_rebuilt_for_an_operator_or_its_own_site_only() {
    let house = House::start().await;
    let error = house.gateway(MERCHANT).rebuild_index().await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::PermissionDenied, "ROLE_MISSING"));
    for uri in ["spiffe://demo/site/xiaoshan/gateway", "spiffe://demo/site/hangzhou/client"] {
        assert_eq!(house.gateway(uri).rebuild_index().await.unwrap_err().reason, "ROLE_MISSING");
    }
    house.gateway("spiffe://demo/member/hz-forwarder/client").rebuild_index().await.unwrap();
    house.gateway("spiffe://demo/site/hangzhou/gateway").rebuild_index().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_what_was_meant_is_not_spoken_to() {
    let house = House::start().await;
    let pass = house.merchant();
    // The gateway's certificate is the authority's and names this host, and still is no ledger's.
    let wrong = client::Ledger::connect(&pass.to(&house.gateway_url, &house.authority)).unwrap();
    let error = wrong.status().await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::Unavailable, "UNREACHABLE"));
    assert!(error.message.contains("of a gateway, not of a ledger"), "{}", error.message);
    let wrong = client::Gateway::connect(&pass.to(&house.ledger_url, &house.authority)).unwrap();
    let error = wrong.status().await.unwrap_err();
    assert!(error.message.contains("of a ledger, not of a gateway"), "{}", error.message);

    // The ledger's own certificate has serial 1.
    let mut endpoint = pass.to(&house.ledger_url, &house.authority);
    endpoint.revoked = Revoked::default();
    endpoint.revoked.load(&house.authority.revoke(&[1]), &house.authority.pem()).unwrap();
    let error = client::Ledger::connect(&endpoint).unwrap().status().await.unwrap_err();
    assert_eq!(error.reason, "UNREACHABLE");
    assert!(error.message.to_lowercase().contains("revoked"), "{}", error.message);
}

#[test]
fn an_authority_is_one_certificate() {
    let (authority, other) = (Authority::new(), Authority::new());
    let both = format!("{}{}", authority.pem(), other.pem());
    let revoked = Revoked::default();
    let refused = RevocationError::SeveralAuthorities { count: 2 };
    assert_eq!(revoked.load(&authority.revoke(&[5]), &both), Err(refused.clone()));
    let mut endpoint = authority.issue(&[MERCHANT], 1).to("https://127.0.0.1:1", &authority);
    endpoint.ca_pem = both;
    let error = client::Ledger::connect(&endpoint).unwrap_err();
    assert!(error.message.contains(&refused.to_string()), "{error}");
    endpoint.ca_pem = String::new();
    assert!(client::Ledger::connect(&endpoint).is_err(), "none at all");
}

#[test]
fn a_revocation_list_older_than_the_one_in_force_changes_nothing() {
    let authority = Authority::new();
    let revoked = Revoked::default();
    assert_eq!(revoked.load(&authority.list(300, &[5]), &authority.pem()), Ok(1));
    let older = revoked.load(&authority.list(299, &[]), &authority.pem());
    let (found, loaded) = ("299".to_owned(), "300".to_owned());
    assert_eq!(older, Err(RevocationError::Outdated { found, loaded }));
    assert!(revoked.contains(&rpc::Serial::new(&[5])), "what it revoked stays so");
    assert_eq!(revoked.load(&authority.list(300, &[5, 6]), &authority.pem()), Ok(2));
}
