//! A client that shares no code with the house captures, traces and verifies.

use anyhow::Result;
use cluster::Home;
use e2e::{PARCEL, journey, python};

#[test]
fn a_python_client_captures_and_traces_over_mutual_tls() -> Result<()> {
    let home = Home::new()?;
    let _node = home.start()?;
    let (member, document) = journey()?.remove(0);
    let words = [home.path().display().to_string(), member.clone(), document.display().to_string()];
    let told = python("capture_and_trace.py", words.into_iter().chain([PARCEL.to_owned()]))?;
    assert_eq!(told["captured"].as_array().map(Vec::len), Some(2), "{told:#}");
    assert_eq!(told["same_answer_again"], true, "{told:#}");
    assert_eq!((&told["complete"], &told["count"]), (&true.into(), &1.into()), "{told:#}");
    let step = &told["steps"][0];
    assert_eq!(step["issuer"], *member);
    assert_eq!(step["event"]["bizStep"], "packing", "{step:#}");
    assert!(step["bundle_bytes"].as_u64() > Some(500), "{step:#}");
    assert_eq!(told["checkpoint"]["consortium"], "demo", "{told:#}");
    assert_eq!(told["checkpoint"]["log_size"], 2, "genesis and one capture: {told:#}");
    Ok(())
}

#[test]
fn receipts_verify_by_scitt_cose() -> Result<()> {
    let home = Home::new()?;
    let _node = home.start()?;
    let folder = tempfile::tempdir()?;
    let mut words = vec![home.file("members.json").display().to_string()];
    for commitment in super::journey::capture(&home)? {
        let path = folder.path().join(format!("{commitment}.qsb"));
        super::stranger::export(&home, &commitment, &path)?;
        words.push(path.display().to_string());
    }
    let told = python("receipts.py", &words)?;
    assert_eq!(told["faults"], serde_json::json!([]));
    assert_eq!((&told["verified"], &told["forged"]), (&16.into(), &0.into()), "{told:#}");
    assert_eq!(told["issuers"].as_array().map(Vec::len), Some(6), "all members: {told:#}");
    Ok(())
}
