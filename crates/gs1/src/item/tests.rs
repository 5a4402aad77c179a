use proptest::prelude::*;

use super::*;

fn canonical(text: &str) -> String {
    Item::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).canonical().to_owned()
}

#[test]
fn every_epc_scheme_gets_its_digital_link() {
    for (text, link, kind) in [
        ("id:sgtin:4012345.011111.98%22", "01/04012345111118/21/98%22", Kind::Sgtin),
        ("id:sgtin:415056789012.0.987654", "01/04150567890128/21/987654", Kind::Sgtin),
        ("id:sgtin:4012345.012345.a.b", "01/04012345123456/21/a.b", Kind::Sgtin),
        (
            "id:sgtin:0614141.812345.6%2f%26!()*+,:'",
            "01/80614141123458/21/6%2F%26%21%28%29%2A%2B%2C%3A'",
            Kind::Sgtin,
        ),
        ("id:sscc:4012345.0000000333", "00/040123450000003338", Kind::Sscc),
        ("id:sgln:4012345.00005.122", "414/4012345000054/254/122", Kind::Sgln),
        ("id:sgln:4012345.00005.0", "414/4012345000054", Kind::Sgln),
        ("id:sgln:999999999999..0", "414/9999999999994", Kind::Sgln),
        ("id:pgln:4000001.00000", "417/4000001000005", Kind::Party),
        ("id:grai:4012345.00022.334455", "8003/04012345000221334455", Kind::Grai),
        ("id:giai:4012345.ABC345", "8004/4012345ABC345", Kind::Giai),
        ("id:gsrn:4012345.0000006765", "8018/401234500000067657", Kind::Gsrn),
        ("id:gsrnp:4012345.0000000007", "8017/401234500000000074", Kind::Gsrnp),
        ("id:gdti:4012345.00009.PO-4711", "253/4012345000092PO-4711", Kind::Gdti),
        ("id:gdti:987659999999..9", "253/98765999999929", Kind::Gdti),
        ("id:cpi:0614141.1A%23%2F.1234", "8010/06141411A%23%2F/8011/1234", Kind::Cpi),
        ("id:sgcn:4012345.22222.44", "255/401234522222744", Kind::Gcn),
        ("id:ginc:0614141.xyz47%2F11", "401/0614141xyz47%2F11", Kind::Ginc),
        ("id:gsin:4012345.222333444", "402/40123452223334442", Kind::Gsin),
        ("id:itip:4012345.011111.01.02.987", "8006/040123451111180102/21/987", Kind::Itip),
        ("id:upui:1234567.098765.5qI%3C", "01/01234567987651/235/5qI%3C", Kind::Upui),
        ("class:lgtin:4012345.012345.Lot987", "01/04012345123456/10/Lot987", Kind::Lgtin),
        ("idpat:sgtin:4012345.012345.*", "01/04012345123456", Kind::Gtin),
        ("idpat:grai:4012345.99999.*", "8003/04012345999990", Kind::Grai),
        ("idpat:gdti:4012345.11111.*", "253/4012345111118", Kind::Gdti),
        ("idpat:sgcn:4012345.22222.*", "255/4012345222227", Kind::Gcn),
        ("idpat:cpi:4012345.AB12.*", "8010/4012345AB12", Kind::Cpi),
        ("idpat:itip:4012345.012345.01.02.*", "8006/040123451234560102", Kind::Itip),
    ] {
        let item =
            Item::parse(&format!("urn:epc:{text}")).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(item.canonical(), format!("https://id.gs1.org/{link}"), "{text}");
        assert_eq!(item.kind(), kind, "{text}");
        let again = Item::parse(item.canonical()).expect("a canonical link is a link");
        assert_eq!(again, item, "{text}");
    }
}

#[test]
fn a_link_is_the_same_item_on_every_domain() {
    let item = canonical("urn:epc:id:sgtin:4012345.011111.987");
    for text in [
        "https://id.gs1.org/01/04012345111118/21/987",
        "https://ID.GS1.ORG/01/04012345111118/21/987",
        "http://brand.example:8080/p/q/01/04012345111118/21/987/",
        "HTTPS://brand.example/01/4012345111118/10/L1/21/987?17=270101&x#y",
        "https://brand.example/gtin/04012345111118/cpv/2A/lot/L1/ser/987",
        "https://brand.example/00/12/01/04012345111118/21/%39%387",
    ] {
        assert_eq!(canonical(text), item, "{text}");
    }
    assert_eq!(
        canonical("https://brand.example/01/04012345111118/22/2A/10/L1"),
        "https://id.gs1.org/01/04012345111118/10/L1"
    );
}

#[test]
fn the_stem_may_look_like_a_key() {
    // Pairs are taken from the end, so that a lot named 01 stays a lot.
    assert_eq!(
        canonical("https://a.example/01/04012345111118/10/01/21/5"),
        "https://id.gs1.org/01/04012345111118/21/5"
    );
}

#[test]
fn a_wrong_check_digit_is_refused_and_the_right_one_named() {
    for text in [
        "https://id.gs1.org/01/04012345111119/21/987",
        "https://brand.example/01/04012345111119",
        "https://id.gs1.org/4012345111119",
        "https://id.gs1.org/01/4012345111119",
    ] {
        assert!(Item::parse(text).is_err(), "{text}");
    }
    let error = Item::parse("https://brand.example/01/04012345111119").expect_err("wrong digit");
    assert_eq!(
        error,
        Error::CheckDigit { key: "GTIN", found: "9".to_owned(), expected: "8".to_owned() }
    );
}

#[test]
fn broken_keys_are_refused() {
    for text in [
        "urn:epc:id:sgtin:4012345.011111",
        "urn:epc:id:sgtin:4012345.01111.1",
        "urn:epc:id:sgtin:40123.01111111.1",
        "urn:epc:id:sgtin:4012345.011111.",
        "urn:epc:id:sgtin:4012345.011111.123456789012345678901",
        "urn:epc:id:sgtin:4012345.011111.a b",
        "urn:epc:id:sgtin:4012345.011111.%zz",
        "urn:epc:id:sgtin:4012345.０11111.1",
        "urn:epc:id:sscc:4012345.3111111111.0",
        "urn:epc:id:sscc:4012345.311111111",
        "urn:epc:id:itip:4012345.011111.03.02.987",
        "urn:epc:id:gsrn:4012345.000000676",
        "urn:epc:id:cpi:0614141.abc.1",
        "urn:epc:class:lgtin:4012345.012345",
        "https://id.gs1.org/",
        "https://id.gs1.org/01/123",
        "https://id.gs1.org/01/04012345111118/10/",
        "https://id.gs1.org/01/04012345111118/21/1/10/2",
        "https://id.gs1.org/01/04012345111118/21/%zz",
        "https://id.gs1.org/99/x",
        "https://id.gs1.org/8003/14012345000221334455",
    ] {
        assert!(Item::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_no_key_keeps_its_text() {
    for text in [
        "https://example.org/boxes/7",
        "https://shop.example/order/01/12345678",
        "https://shop.example/01/apples",
        "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "urn:epc:id:adi:W81X9C.3KL984PX1.2WMA52",
        "urn:epc:idpat:sgtin:4012345.*.*",
        "urn:epc:idpat:sscc:*.*",
        "HtTp://a/00/006141411234567890",
        "example:box",
    ] {
        let item = Item::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((item.canonical(), item.kind()), (text, Kind::Private));
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        let _ = Item::parse(&text);
    }

    #[test]
    fn no_link_or_urn_makes_the_parser_panic(
        start in prop::sample::select(vec![
            "https://id.gs1.org/01/", "https://a/8003/", "https://a/253/", "https://a/8013/",
            "urn:epc:id:sgtin:", "urn:epc:id:cpi:", "urn:epc:idpat:itip:", "urn:epc:id:giai:",
            "https://id.gs1.org/8006/", "urn:epc:id:sscc:",
        ]),
        rest in "[0-9./%*a-fé?#&]{0,40}",
    ) {
        if let Ok(item) = Item::parse(&format!("{start}{rest}")) {
            // What was accepted is a fixed point: its canonical text names the same item.
            prop_assert_eq!(Item::parse(item.canonical()), Ok(item));
        }
    }

    #[test]
    fn a_serial_of_any_allowed_characters_survives(serial in "[!%-?A-Z_a-z\"]{1,20}") {
        let encoded: String = serial.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let item = Item::parse(&format!("urn:epc:id:sgtin:4012345.011111.{encoded}")).expect("valid");
        let link = Item::parse(&format!("https://x.example/01/04012345111118/21/{encoded}"));
        prop_assert_eq!(link, Ok(item));
    }

    #[test]
    fn changing_one_digit_is_always_noticed(place in 0_usize..14, by in 1_u8..10) {
        let mut digits = b"04012345111118".to_vec();
        digits[place] = b'0' + (digits[place] - b'0' + by) % 10;
        let text = format!("https://a.example/01/{}", String::from_utf8(digits).expect("ASCII"));
        prop_assert!(Item::parse(&text).is_err());
    }
}
