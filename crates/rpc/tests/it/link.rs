//! The streams between the two ends of a link.

use std::time::Duration;

use rpc::client::{Code, Link};
use rpc::link::{MAX_FRAME_BYTES, SendError};
use tokio::time::timeout;

use crate::exchange::{LINK, PROMPT, Sites};
use crate::house::MERCHANT;

const HANGZHOU: &str = "spiffe://demo/site/hangzhou/keys";

impl Sites {
    /// A client of the link service at xiaoshan.
    fn link(&self, uri: &str) -> Link {
        Link::connect(&self.endpoint(&self.xiaoshan.url, uri)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_pass_in_both_directions_and_in_order() {
    let mut sites = Sites::start().await;
    let link = sites.link(HANGZHOU);
    let (near, far) = tokio::join!(link.frames(LINK), sites.xiaoshan.incoming.frames());
    let (mut near, mut far) = (near.unwrap(), far.unwrap());
    for number in 0..100_u8 {
        near.send(vec![number]).await.unwrap();
        assert_eq!(timeout(PROMPT, far.recv()).await.unwrap().unwrap().as_ref(), [number]);
        far.send(vec![number; 2]).await.unwrap();
        assert_eq!(timeout(PROMPT, near.recv()).await.unwrap().unwrap().as_ref(), [number; 2]);
    }
    let largest = vec![7; MAX_FRAME_BYTES];
    near.send(largest.clone()).await.unwrap();
    assert_eq!(timeout(PROMPT, far.recv()).await.unwrap().unwrap().len(), largest.len());
    let refused = near.send(vec![7; MAX_FRAME_BYTES + 1]).await;
    let (found, limit) = (MAX_FRAME_BYTES + 1, MAX_FRAME_BYTES);
    assert_eq!(refused, Err(SendError::TooLarge { found, limit }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_for_both_when_either_lets_go() {
    let mut sites = Sites::start().await;
    let link = sites.link(HANGZHOU);
    let (near, far) = tokio::join!(link.frames(LINK), sites.xiaoshan.incoming.frames());
    let (near, mut far) = (near.unwrap(), far.unwrap());
    drop(near);
    assert_eq!(timeout(PROMPT, far.recv()).await.unwrap(), None, "the caller let go");

    let (near, far) = tokio::join!(link.frames(LINK), sites.xiaoshan.incoming.frames());
    let mut near = near.unwrap();
    drop(far);
    assert_eq!(timeout(PROMPT, near.recv()).await.unwrap(), None, "the called let go");
    let gone = async {
        while near.send(vec![1]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PROMPT, gone).await.unwrap();

    let (near, far) = tokio::join!(link.frames(LINK), sites.xiaoshan.incoming.frames());
    let (mut near, _far) = (near.unwrap(), far.unwrap());
    sites.stop.cancel();
    assert_eq!(timeout(PROMPT, near.recv()).await.unwrap(), None, "the server stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn pulses_arrive_as_they_were_sent_and_nothing_comes_back() {
    let mut sites = Sites::start().await;
    let link = sites.link(HANGZHOU);
    let (near, far) = tokio::join!(link.pulses(LINK), sites.xiaoshan.incoming.pulses());
    let (near, mut far) = (near.unwrap(), far.unwrap());
    // More of them than a caller's requests may hold together: what was read counts no more.
    for number in 0..40_u8 {
        near.send(vec![number; 8 << 20]).await.unwrap();
        let block = timeout(PROMPT, far.recv()).await.unwrap().unwrap();
        assert_eq!((block.len(), block[0]), (8 << 20, number));
    }
    drop(near);
    assert_eq!(timeout(PROMPT, far.recv()).await.unwrap(), None);

    let (near, far) = tokio::join!(link.pulses(LINK), sites.xiaoshan.incoming.pulses());
    let near = near.unwrap();
    drop(far);
    let gone = async {
        while near.send(vec![1]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PROMPT, gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_waits_for_a_reader_that_is_behind() {
    let mut sites = Sites::start().await;
    let link = sites.link(HANGZHOU);
    let (near, far) = tokio::join!(link.frames(LINK), sites.xiaoshan.incoming.frames());
    let (near, mut far) = (near.unwrap(), far.unwrap());
    let mut sent = 0_usize;
    while timeout(Duration::from_millis(500), near.send(vec![0; 1 << 20])).await.is_ok() {
        sent += 1;
        assert!(sent < 200, "200 MiB that nobody reads are held somewhere");
    }
    let read = async {
        for _ in 0..sent {
            far.recv().await.unwrap();
        }
    };
    timeout(PROMPT, read).await.unwrap();
    near.send(vec![1]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_key_exchange_at_the_far_end_opens_a_links_streams() {
    let mut sites = Sites::start().await;
    for uri in [
        MERCHANT,
        "spiffe://demo/member/hz-forwarder/client",
        "spiffe://demo/member/zj-merchant/keys",
        "spiffe://demo/site/hangzhou/gateway",
        "spiffe://demo/site/hangzhou/ledger",
        "spiffe://demo/site/xiaoshan/keys",
    ] {
        let link = sites.link(uri);
        let frames = link.frames(LINK).await.unwrap_err();
        let pulses = link.pulses(LINK).await.unwrap_err();
        for error in [frames, pulses] {
            let told = (error.code, error.reason.as_str());
            assert_eq!(told, (Code::PermissionDenied, "LINK_NOT_YOURS"), "{uri}");
        }
    }
    let error = sites.link("spiffe://demo/site/nowhere/keys").frames(LINK).await.unwrap_err();
    assert_eq!(error.reason, "MEMBER_UNKNOWN");
    let error = sites.link(HANGZHOU).frames("hz-lg").await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::NotFound, "LINK_UNKNOWN"));
    let taken = timeout(Duration::from_millis(100), sites.xiaoshan.incoming.frames()).await;
    assert!(taken.is_err(), "the driver has heard of none of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_without_a_driver_is_busy_and_worth_another_try() {
    let sites = Sites::start().await;
    let error = sites.link(HANGZHOU).frames(LINK).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::Unavailable, "LINK_BUSY"));
    assert!(error.is_retryable());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_exchange_loses_its_streams() {
    let mut sites = Sites::start().await;
    let link = sites.link(HANGZHOU);
    let (near, far) = tokio::join!(link.frames(LINK), sites.xiaoshan.incoming.frames());
    let (mut near, mut far) = (near.unwrap(), far.unwrap());
    let list = sites.authority.revoke(&[100]);
    sites.revoked.load(&list, &sites.authority.pem()).unwrap();
    assert_eq!(timeout(PROMPT, near.recv()).await.unwrap(), None);
    assert_eq!(timeout(PROMPT, far.recv()).await.unwrap(), None);
    let error = link.frames(LINK).await.unwrap_err();
    assert_eq!(error.reason, "CERTIFICATE_REVOKED");
}
