//! The members of one consortium: what a verifier pins.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{ConsortiumId, Error, KeyId, Member, MemberId, PublicKey, SiteId};

/// The version of the members file that this code writes, and the only one that it reads.
const FILE_VERSION: u32 = 2;

/// The members of one consortium, which of them validate, and the keys of their sites' links.
///
/// Sound by construction: ids are distinct, no key has two uses, validators are members, there is
/// at least one, and a link key belongs to a site where a member stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "File", into = "File")]
pub struct Members {
    consortium: ConsortiumId,
    members: BTreeMap<MemberId, Member>,
    validators: BTreeSet<MemberId>,
    link_keys: BTreeMap<SiteId, PublicKey>,
    by_statement_key: BTreeMap<KeyId, MemberId>,
    by_receipt_key: BTreeMap<KeyId, MemberId>,
}

/// What `members.json` holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    consortium: ConsortiumId,
    members: Vec<Member>,
    validators: BTreeSet<MemberId>,
    /// The key with which a site signs the frames of its quantum links.
    #[serde(default)]
    link_keys: BTreeMap<SiteId, PublicKey>,
}

impl Members {
    /// Gathers members into a consortium.
    ///
    /// # Errors
    ///
    /// When two members share an id, a key serves two uses, a validator is not a member, or there
    /// is no validator.
    pub fn new(
        consortium: ConsortiumId,
        members: Vec<Member>,
        validators: BTreeSet<MemberId>,
    ) -> Result<Self, Error> {
        let mut all = Self {
            consortium,
            members: BTreeMap::new(),
            validators: BTreeSet::new(),
            link_keys: BTreeMap::new(),
            by_statement_key: BTreeMap::new(),
            by_receipt_key: BTreeMap::new(),
        };
        let mut seen = BTreeSet::new();
        for member in members {
            if all.members.contains_key(&member.id) {
                return Err(Error::MemberRepeated { id: member.id });
            }
            // By id, not by key: two keys with one id would make a signature's owner ambiguous.
            for key_id in member.key_ids() {
                if !seen.insert(key_id) {
                    return Err(Error::KeyRepeated { id: member.id.clone(), key_id });
                }
            }
            all.by_statement_key.insert(KeyId::of(&member.statement_key), member.id.clone());
            all.by_receipt_key.insert(KeyId::of(&member.receipt_key), member.id.clone());
            all.members.insert(member.id.clone(), member);
        }
        if let Some(id) = validators.iter().find(|id| !all.members.contains_key(id)) {
            return Err(Error::ValidatorUnknown { id: id.clone() });
        }
        if validators.is_empty() {
            return Err(Error::NoValidators);
        }
        all.validators = validators;
        Ok(all)
    }

    /// Gives sites the keys that sign the frames of their links, in place of any given before.
    ///
    /// # Errors
    ///
    /// When no member stands at a site, or a key is registered twice or serves another use.
    pub fn with_link_keys(mut self, keys: BTreeMap<SiteId, PublicKey>) -> Result<Self, Error> {
        let mut seen: BTreeSet<KeyId> = self.iter().flat_map(Member::key_ids).collect();
        for (site, key) in &keys {
            if self.at_site(site).next().is_none() {
                return Err(Error::SiteUnknown { site: site.clone() });
            }
            if !seen.insert(KeyId::of(key)) {
                let (site, key_id) = (site.clone(), KeyId::of(key));
                return Err(Error::LinkKeyRepeated { site, key_id });
            }
        }
        self.link_keys = keys;
        Ok(self)
    }

    /// Finds the key that signs the frames of a site's links.
    #[must_use]
    pub fn link_key(&self, site: &SiteId) -> Option<&PublicKey> {
        self.link_keys.get(site)
    }

    /// Shows every site's link key.
    #[must_use]
    pub fn link_keys(&self) -> &BTreeMap<SiteId, PublicKey> {
        &self.link_keys
    }

    /// Walks over the members that stand at a site, in the order of their ids.
    pub fn at_site(&self, site: &SiteId) -> impl Iterator<Item = &Member> {
        self.iter().filter(move |member| member.sites.contains(site))
    }

    /// Shows which consortium this is.
    #[must_use]
    pub fn consortium(&self) -> &ConsortiumId {
        &self.consortium
    }

    /// Finds the member of that id.
    #[must_use]
    pub fn get(&self, id: &MemberId) -> Option<&Member> {
        self.members.get(id)
    }

    /// Walks over the members in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values()
    }

    /// Shows which members run a ledger that votes; never empty.
    #[must_use]
    pub fn validators(&self) -> &BTreeSet<MemberId> {
        &self.validators
    }

    /// Computes how many validators make a quorum: the fewest that are more than two thirds.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.validators.len() * 2 / 3 + 1
    }

    /// Finds the member whose statement key has that id.
    #[must_use]
    pub fn by_statement_key(&self, key_id: KeyId) -> Option<&Member> {
        self.members.get(self.by_statement_key.get(&key_id)?)
    }

    /// Finds the member whose receipt key has that id.
    #[must_use]
    pub fn by_receipt_key(&self, key_id: KeyId) -> Option<&Member> {
        self.members.get(self.by_receipt_key.get(&key_id)?)
    }

    /// Reads a members file.
    ///
    /// # Errors
    ///
    /// When the text is not such a file (with line and column), or its members are not sound (see
    /// [`Members::new`]).
    pub fn from_json(text: &str) -> Result<Self, Error> {
        // Through `File` by hand, so that an unsound list keeps its own error.
        serde_json::from_str::<File>(text)
            .map_err(|error| Error::FileMalformed { why: error.to_string() })?
            .try_into()
    }

    /// Writes a members file: indented JSON, members in the order of their ids, a final newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_else(|error| {
            unreachable!("strings, lists and a number always make JSON: {error}")
        });
        text.push('\n');
        text
    }
}

impl TryFrom<File> for Members {
    type Error = Error;

    fn try_from(file: File) -> Result<Self, Error> {
        if file.version != FILE_VERSION {
            let why = format!("version {} is unknown; this is {FILE_VERSION}", file.version);
            return Err(Error::FileMalformed { why });
        }
        Self::new(file.consortium, file.members, file.validators)?.with_link_keys(file.link_keys)
    }
}

impl From<Members> for File {
    fn from(members: Members) -> Self {
        Self {
            version: FILE_VERSION,
            consortium: members.consortium,
            members: members.members.into_values().collect(),
            validators: members.validators,
            link_keys: members.link_keys,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, SealingKey};

    /// A member whose three keys are made from `n`.
    fn member(id: &str, n: u8) -> Member {
        Member {
            id: id.parse().unwrap(),
            roles: BTreeSet::from([Role::Carrier]),
            country: "CN".parse().unwrap(),
            sites: BTreeSet::from(["hangzhou".parse().unwrap()]),
            statement_key: PublicKey([n; 32]),
            receipt_key: PublicKey([n + 1; 32]),
            vote_key: PublicKey([n + 2; 32]),
            sealing_key: None,
        }
    }

    fn gather(members: Vec<Member>, validators: &[&str]) -> Result<Members, Error> {
        let validators = validators.iter().map(|id| id.parse().unwrap()).collect();
        Members::new("demo".parse().unwrap(), members, validators)
    }

    #[test]
    fn a_members_file_comes_back_as_it_was_written() {
        let members = gather(vec![member("b", 10), member("a", 20)], &["a"]).unwrap();
        assert_eq!(Members::from_json(&members.to_json()), Ok(members.clone()));
        let ids: Vec<_> = members.iter().map(|m| m.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
    }

    #[test]
    fn a_key_leads_to_its_member_by_its_own_use_only() {
        let members = gather(vec![member("a", 10)], &["a"]).unwrap();
        let a = members.get(&"a".parse().unwrap()).unwrap();
        assert_eq!(members.by_statement_key(KeyId::of(&a.statement_key)), Some(a));
        assert_eq!(members.by_receipt_key(KeyId::of(&a.receipt_key)), Some(a));
        assert_eq!(members.by_receipt_key(KeyId::of(&a.statement_key)), None);
        assert_eq!(members.by_statement_key(KeyId::of(&a.receipt_key)), None);
    }

    #[test]
    fn link_keys_belong_to_sites_of_members_and_serve_no_other_use() {
        let hangzhou: SiteId = "hangzhou".parse().unwrap();
        let with = |site: &SiteId, n: u8| {
            let members = gather(vec![member("a", 10)], &["a"]).unwrap();
            members.with_link_keys(BTreeMap::from([(site.clone(), PublicKey([n; 32]))]))
        };
        let members = with(&hangzhou, 1).unwrap();
        assert_eq!(members.link_key(&hangzhou), Some(&PublicKey([1; 32])));
        assert_eq!(members.at_site(&hangzhou).count(), 1);
        assert_eq!(Members::from_json(&members.to_json()), Ok(members));
        assert!(matches!(with(&hangzhou, 11), Err(Error::LinkKeyRepeated { .. })));
        let liege = "liege".parse().unwrap();
        assert_eq!(with(&liege, 1), Err(Error::SiteUnknown { site: liege }));

        let (one, two) = (hangzhou, "xiaoshan".parse().unwrap());
        let mut there = member("b", 20);
        there.sites.insert(SiteId::clone(&two));
        let members = gather(vec![member("a", 10), there], &["a"]).unwrap();
        let shared = BTreeMap::from([(one, PublicKey([1; 32])), (two, PublicKey([1; 32]))]);
        assert!(matches!(members.with_link_keys(shared), Err(Error::LinkKeyRepeated { .. })));
    }

    #[test]
    fn a_sealing_key_is_one_members_and_survives_the_file() {
        let sealed = |id: &str, n: u8, x25519: u8, x_wing: u8| Member {
            sealing_key: Some(SealingKey {
                x25519: [x25519; 32],
                x_wing: Box::new([x_wing; 1216]),
            }),
            ..member(id, n)
        };
        let members = gather(vec![sealed("a", 10, 1, 2), member("b", 20)], &["a"]).unwrap();
        assert_eq!(Members::from_json(&members.to_json()), Ok(members));
        // A neighbour with the same X25519 key, or with a signing key of another for it.
        for (x25519, x_wing) in [(1, 2), (1, 3), (11, 3)] {
            let two = vec![sealed("a", 10, 1, 2), sealed("b", 20, x25519, x_wing)];
            let refused = gather(two, &["a"]);
            assert!(matches!(refused, Err(Error::KeyRepeated { id, .. }) if id.as_str() == "b"));
        }
    }

    #[test]
    fn a_quorum_is_the_fewest_beyond_two_thirds() {
        for (validators, quorum) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5)] {
            let ids: Vec<String> = (0..validators).map(|n| format!("m{n}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let all = (0u8..).step_by(3).zip(&ids).map(|(n, id)| member(id, n)).collect();
            let members = gather(all, &ids).unwrap();
            assert_eq!(members.quorum(), quorum, "of {validators}");
            assert!(3 * quorum > 2 * validators && 3 * (quorum - 1) <= 2 * validators);
        }
    }

    #[test]
    fn an_unsound_list_is_refused_with_the_culprit_named() {
        let twice = gather(vec![member("a", 1), member("a", 10)], &["a"]);
        assert_eq!(twice.unwrap_err().to_string(), "member a is listed twice");

        // The vote key of `a` is the statement key of `b`.
        let shared = gather(vec![member("a", 1), member("b", 3)], &["a"]);
        assert!(matches!(shared, Err(Error::KeyRepeated { id, .. }) if id.as_str() == "b"));

        let stranger = gather(vec![member("a", 1)], &["a", "z"]);
        assert_eq!(stranger.unwrap_err().to_string(), "validator z is not a member");

        assert_eq!(gather(vec![member("a", 1)], &[]), Err(Error::NoValidators));
        assert_eq!(gather(vec![], &[]), Err(Error::NoValidators));
    }

    #[test]
    fn a_members_file_that_says_more_or_less_than_it_should_is_refused() {
        let text = gather(vec![member("a", 1)], &["a"]).unwrap().to_json();
        let cases = [
            text.replace("\"version\": 2", "\"version\": 1"),
            text.replace("\"version\": 2,", ""),
            text.replace("\"version\": 2", "\"version\": 2, \"extra\": 0"),
            text.replace("\"country\": \"CN\"", "\"country\": \"China\""),
            text.replace("\"carrier\"", "\"pirate\""),
            text.replace("\"country\"", "\"county\""),
            format!("{text}x"),
            String::new(),
        ];
        for case in cases {
            assert_ne!(case, text);
            let error = Members::from_json(&case).unwrap_err();
            assert!(matches!(error, Error::FileMalformed { .. }), "{error}: {case}");
        }
        let unsound = text.replace("\"validators\": [\n    \"a\"\n  ]", "\"validators\": []");
        assert_eq!(Members::from_json(&unsound), Err(Error::NoValidators));
    }
}
