//! Wycheproof's Ed25519 vectors, run over the one function that verifies.

use party::PublicKey;
use serde_json::Value;

#[test]
fn every_vector_is_judged_as_wycheproof_says() {
    let Some(path) = vectors::official("wycheproof/ed25519_test.json") else {
        println!("SKIPPED: the official vectors are not at hand");
        return;
    };
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut judged = 0;
    for group in file["testGroups"].as_array().unwrap() {
        let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let key = PublicKey(bytes(&group["publicKey"]["pk"]).try_into().unwrap());
        for test in group["tests"].as_array().unwrap() {
            let message = bytes(&test["msg"]);
            // A signature of another length cannot even be handed over.
            let held = <[u8; 64]>::try_from(bytes(&test["sig"]))
                .is_ok_and(|signature| statement::verify(&key, &message, &signature).is_ok());
            let expected = test["result"] == "valid";
            assert_eq!(held, expected, "test {} {}", test["tcId"], test["comment"]);
            judged += 1;
        }
    }
    assert_eq!(judged, file["numberOfTests"].as_u64().unwrap());
}
