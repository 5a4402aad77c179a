//! What a sealer who lies could put into a part, and what its readers answer.

use super::*;
use statement::Seed;

const NAMES: [(&str, &str); 3] = [("action", "\"ADD\""), ("buyer", "{}"), ("type", "\"x\"")];

struct Case {
    consortium: ConsortiumId,
    sealer: MemberId,
    commitment: Commitment,
    disclosure: Disclosure,
}

impl Case {
    fn new() -> Self {
        let (consortium, sealer) = ("demo".parse().unwrap(), "zj-merchant".parse().unwrap());
        let seed = Seed::from_bytes([1; 32]);
        let disclosure =
            Disclosure::open(&seed, NAMES.into_iter(), |name| name != "buyer").unwrap();
        let commitment = disclosure.commitment(&consortium, &sealer).unwrap();
        Self { consortium, sealer, commitment, disclosure }
    }

    /// Seals a plaintext as it is, and opens it again.
    fn answer(&self, plain: &[u8]) -> Result<Opened, Error> {
        let Self { consortium, sealer, commitment, .. } = self;
        let place = Place { consortium, sealer, commitment, part: 4 };
        let key = ContentKey::from_bytes([2; 32]);
        let part = place.seal(&key, plain)?;
        place.read_plain(&place.open(&key, &part)?)
    }

    fn with(&self, opened: &[Field], list: &[(String, Digest)]) -> Result<Opened, Error> {
        self.answer(&fields_plain(opened, &list_cbor(list)))
    }
}

#[test]
fn only_what_was_committed_to_is_opened() {
    let case = Case::new();
    let Disclosure { list, opened } = &case.disclosure;
    case.with(opened, list).unwrap();
    case.with(&opened[..1], list).unwrap();
    let refused = Error::CommitmentMismatch { part: 4 };
    let lies = |change: fn(&mut Vec<Field>, &mut Vec<(String, Digest)>)| {
        let (mut opened, mut list) = (opened.clone(), list.clone());
        change(&mut opened, &mut list);
        case.with(&opened, &list).unwrap_err()
    };
    assert_eq!(lies(|opened, _| opened[0].value = "\"DELETE\"".into()), refused);
    assert_eq!(lies(|opened, _| opened[0].salt = Salt::from_bytes([0; 32])), refused);
    assert_eq!(lies(|opened, _| opened[0].name = "buyer".into()), refused);
    assert_eq!(lies(|opened, _| opened[1] = opened[0].clone()), refused);
    assert_eq!(lies(|opened, _| opened.swap(0, 1)), refused);
    assert_eq!(lies(|_, list| list[1].1 = [0; 32]), refused, "a field that this reader cannot see");
    assert_eq!(lies(|_, list| drop(list.remove(1))), refused);
    assert_eq!(lies(|_, list| list.push(("z".into(), [0; 32]))), refused);
    assert_eq!(lies(|_, list| list.swap(0, 1)), refused);
    // A list of its own, whole and consistent, is another event's.
    assert_eq!(
        lies(|opened, list| {
            opened[0].value = "\"DELETE\"".into();
            list[0].1 = opened[0].salt.hide(&opened[0].value);
        }),
        refused
    );
    assert_eq!(refused.reason(), "COMMITMENT_MISMATCH");
}

#[test]
fn a_plaintext_that_is_none_of_ours_is_refused() {
    let case = Case::new();
    let Disclosure { list, opened } = &case.disclosure;
    let good = fields_plain(opened, &list_cbor(list));
    let malformed = |plain: &[u8]| case.answer(plain).unwrap_err().reason();
    for length in 0..good.len() {
        assert_eq!(malformed(&good[..length]), "PART_MALFORMED", "{length} bytes");
    }
    let change = |at: usize, byte: u8| {
        let mut plain = good.to_vec();
        plain[at] = byte;
        malformed(&plain)
    };
    assert_eq!(change(1, 2), "PART_MALFORMED", "a newer version");
    assert_eq!(change(2, 2), "PART_MALFORMED", "an unknown kind");
    assert_eq!(change(2, 1), "PART_MALFORMED", "fields that call themselves a secret");
    assert_eq!(malformed(&[&good, &[0][..]].concat()), "PART_MALFORMED");
    assert_eq!(malformed(&fields_plain([], &list_cbor(list))), "PART_MALFORMED", "no field");
    let wasteful = [&good[..1], &[0x18, 0x01], &good[2..]].concat();
    assert_eq!(case.answer(&wasteful).unwrap_err(), Error::NotDeterministic { part: 4 });
    // An array without a length is refused before it is compared.
    let endless = [&[0x9f], &good[1..], &[0xff]].concat();
    assert_eq!(malformed(&endless), "PART_MALFORMED");
    // A head that promises more than there is must not be believed.
    let boast = [&good[..3], &[0x9a, 0x00, 0x00, 0x04, 0x00]].concat();
    assert_eq!(malformed(&boast), "PART_MALFORMED");

    let secret = ItemSecret::from_bytes([3; 32]);
    let good = secret_plain("https://x/1", &secret);
    case.answer(&good).unwrap();
    assert_eq!(malformed(&good[..good.len() - 1]), "PART_MALFORMED");
    let wasteful = [&good[..2], &[0x18, 0x01], &good[3..]].concat();
    assert_eq!(case.answer(&wasteful).unwrap_err(), Error::NotDeterministic { part: 4 });
}

#[test]
fn a_value_that_is_no_json_is_refused_though_it_was_committed_to() {
    for value in ["", "1,\"type\":2", "{", "nul"] {
        let mut case = Case::new();
        let seed = Seed::from_bytes([1; 32]);
        case.disclosure = Disclosure::open(&seed, [("a", value)].into_iter(), |_| true).unwrap();
        case.commitment = case.disclosure.commitment(&case.consortium, &case.sealer).unwrap();
        let refused = case.with(&case.disclosure.opened, &case.disclosure.list).unwrap_err();
        let why = "a field's value is no canonical JSON";
        assert_eq!(refused, Error::PartMalformed { part: 4, why }, "{value}");
    }
}

#[test]
fn room_is_made_once_so_that_no_copy_of_a_plaintext_is_left_behind() {
    let long = "x".repeat(70_000);
    let value = format!("{long:?}");
    let seed = Seed::from_bytes([1; 32]);
    let fields = [("a", "1"), ("b", value.as_str())];
    let Disclosure { list, opened } =
        Disclosure::open(&seed, fields.into_iter(), |_| true).unwrap();
    let list = list_cbor(&list);
    // A buffer that had to grow would have twice its first room at least.
    let plain = fields_plain(&opened, &list);
    assert!(plain.capacity() - plain.len() < 100, "{} of {}", plain.len(), plain.capacity());
    let secret = secret_plain(&long, &ItemSecret::from_bytes([3; 32]));
    assert!(secret.capacity() - secret.len() < 100);
}

#[test]
fn an_item_without_a_name_or_with_an_endless_one_is_refused() {
    let case = Case::new();
    let secret = ItemSecret::from_bytes([5; 32]);
    let answer = |item: &str| case.answer(&secret_plain(item, &secret));
    assert!(matches!(answer(&"x".repeat(2_048)), Ok(Opened::Secret { .. })));
    for item in [String::new(), "x".repeat(2_049)] {
        assert!(matches!(answer(&item), Err(Error::PartMalformed { part: 4, .. })));
    }
}
