//! A parcel goes from Hangzhou to Madrid, and every step is found again, proven complete.

use anyhow::Result;
use cluster::Home;
use e2e::{PARCEL, journey};

/// Captures the shipped journey, each document by its member, and returns all commitments.
pub(crate) fn capture(home: &Home) -> Result<Vec<String>> {
    let mut commitments = Vec::new();
    for (member, document) in journey()? {
        let document = document.display().to_string();
        let words = ["event", "capture", &document, "--as", &member, "--json"];
        let answer = home.quayside(words)?.ok()?.json()?;
        assert_eq!(answer["member"], *member);
        for event in answer["files"][0]["events"].as_array().expect("events") {
            commitments.push(event["commitment"].as_str().expect("a commitment").to_owned());
        }
    }
    Ok(commitments)
}

#[test]
fn a_parcel_is_traced_completely_by_either_of_its_names() -> Result<()> {
    let home = Home::new()?;
    let _node = home.start()?;
    let commitments = capture(&home)?;
    assert_eq!(commitments.len(), 16, "the journey has sixteen events");

    let trace = home.quayside(["item", "trace", PARCEL, "--json"])?.ok()?.json()?;
    assert_eq!(trace["item"], "https://id.gs1.org/00/095210010000047111");
    assert_eq!(trace["complete"], true, "{trace:#}");
    assert_eq!(trace["count"], 12, "events that name the parcel itself");
    let steps = trace["steps"].as_array().expect("steps");
    let own = steps.iter().filter(|step| step["via"].is_null()).count();
    assert_eq!(own, 12, "{trace:#}");
    let issuers: Vec<&str> = steps.iter().filter_map(|step| step["issuer"].as_str()).collect();
    assert_eq!(issuers.first(), Some(&"zj-merchant"));
    assert_eq!(issuers.last(), Some(&"es-post"));
    for step in steps {
        let commitment = step["commitment"].as_str().expect("a commitment");
        assert!(commitments.iter().any(|known| known == commitment), "{step:#}");
        assert!(step["alert"].is_null(), "{step:#}");
    }

    let link = "https://example.com/00/095210010000047111?linkType=all";
    let by_link = home.quayside(["item", "trace", link, "--json"])?.ok()?.json()?;
    assert_eq!(by_link["item"], trace["item"]);
    assert_eq!(by_link["steps"], trace["steps"], "a Digital Link names the same item");
    Ok(())
}

#[test]
fn an_item_that_nobody_named_is_proven_absent() -> Result<()> {
    let home = Home::new()?;
    let _node = home.start()?;
    capture(&home)?;
    let stranger = "urn:epc:id:sscc:9521001.0000009999";
    let answer = home.quayside(["item", "trace", stranger, "--json"])?;
    assert_eq!(answer.code, Some(7), "not found: {answer:#?}");
    let trace = answer.json()?;
    assert_eq!((&trace["complete"], &trace["count"]), (&true.into(), &0.into()), "{trace:#}");
    Ok(())
}

#[test]
fn a_repeated_request_is_answered_as_before() -> Result<()> {
    let home = Home::new()?;
    let mut node = home.start()?;
    let (member, document) = journey()?.remove(0);
    let document = document.display().to_string();
    let id = "00112233445566778899aabbccddeeff";
    let words = ["event", "capture", &document, "--as", &member, "--request-id", id, "--json"];
    let first = home.quayside(words)?.ok()?.json()?;
    node.kill()?;
    let _node = home.start()?;
    let second = home.quayside(words)?.ok()?.json()?;
    for field in ["index", "height"] {
        assert_eq!(first["files"][0][field], second["files"][0][field], "{second:#}");
    }
    let commitments = |answer: &serde_json::Value| {
        let events = answer["files"][0]["events"].as_array().expect("events").clone();
        events.iter().map(|event| event["commitment"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(commitments(&first), commitments(&second), "seeds follow from the request");
    Ok(())
}
