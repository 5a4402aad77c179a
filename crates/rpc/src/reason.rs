//! Every reason that a service may refuse with: its gRPC code, its meaning, and what to do.
//!
//! `docs/reference/errors.md` is this table; a test keeps the two equal.

mod table;

use tonic::Code;

pub use self::table::REASONS;

/// A word of the refusal vocabulary, as `google.rpc.ErrorInfo.reason` carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The word, upper snake case.
    pub name: &'static str,
    /// The gRPC code it travels under.
    pub code: Code,
    /// What happened.
    pub meaning: &'static str,
    /// What the caller can do.
    pub remedy: &'static str,
}

/// The reason of `name`, when there is such a word.
#[must_use]
pub fn reason(name: &str) -> Option<&'static Reason> {
    // Sorted by name: a test sees to it.
    let at = REASONS.binary_search_by(|reason| reason.name.cmp(name)).ok()?;
    REASONS.get(at)
}

/// The gRPC code under which `name` travels; an unknown word is a bug of ours.
#[must_use]
pub fn code(name: &str) -> Code {
    reason(name).map_or(Code::Internal, |reason| reason.code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;

    /// The page as it has to be.
    fn page() -> String {
        let mut page = String::from(
            "# Errors\n\n\
             Every refusal of a Quayside service carries a gRPC code and \
             `google.rpc.ErrorInfo{reason, domain: \"quayside\"}`; errors of input also carry \
             `google.rpc.BadRequest` with the path of the field, and what passes by itself carries \
             `google.rpc.RetryInfo`. This page is the table in `crates/rpc/src/reason/table.rs`; a \
             test keeps the two equal.\n\n\
             | reason | gRPC code | meaning | what to do |\n|---|---|---|---|\n",
        );
        for Reason { name, code, meaning, remedy } in REASONS {
            let code = screaming(&format!("{code:?}"));
            writeln!(page, "| `{name}` | {code} | {meaning} | {remedy} |").unwrap();
        }
        page
    }

    /// `InvalidArgument` as `INVALID_ARGUMENT`.
    fn screaming(camel: &str) -> String {
        let mut out = String::new();
        for (at, letter) in camel.chars().enumerate() {
            if letter.is_uppercase() && at > 0 {
                out.push('_');
            }
            out.push(letter.to_ascii_uppercase());
        }
        out
    }

    #[test]
    fn the_reasons_are_sorted_and_found() {
        assert!(REASONS.is_sorted_by(|a, b| a.name < b.name));
        for each in REASONS {
            assert_eq!(reason(each.name), Some(each));
        }
        assert_eq!(code("NO_SUCH_WORD"), Code::Internal);
    }

    /// The words that stand between quotes in the sources of a crate.
    fn words(krate: &str, files: &[impl AsRef<str>], found: &mut BTreeSet<String>) {
        let files = files.iter().map(AsRef::as_ref);
        for file in files {
            let path = format!("{}/../{krate}/src/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).expect(&path);
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let is_word = |text: &&str| {
                text.len() > 3
                    && text.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
            };
            found.extend(text.split('"').filter(is_word).map(str::to_owned));
        }
    }

    #[test]
    fn every_word_in_the_code_is_in_the_table_and_the_other_way_round() {
        let mut found = BTreeSet::new();
        words("ledger", &["refusal.rs"], &mut found);
        words("contracts", &["machine.rs"], &mut found);
        words("statement", &["error.rs"], &mut found);
        words("epcis", &["error.rs"], &mut found);
        words("capture", &["error.rs"], &mut found);
        words("trace", &["error.rs"], &mut found);
        words("keys", &["error.rs"], &mut found);
        words("envelope", &["error.rs"], &mut found);
        words("gateway", &["error.rs"], &mut found);
        let ours = ["refusal.rs", "caller.rs", "field.rs", "client/error.rs"];
        words("rpc", &ours, &mut found);
        let served = ["guard.rs", "load.rs", "ledger.rs", "gateway.rs", "keys.rs", "link.rs"];
        words("rpc", &served.map(|file| format!("server/{file}")), &mut found);
        let listed: BTreeSet<String> = REASONS.iter().map(|one| one.name.to_owned()).collect();
        assert_eq!(found, listed, "left: in the code; right: in the table");
    }

    #[test]
    fn the_reference_page_is_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/errors.md");
        let page = page();
        if std::env::var_os("QUAYSIDE_WRITE_DOCS").is_some() {
            std::fs::write(path, &page).expect("the page can be written");
        }
        let found = std::fs::read_to_string(path).expect("the page is there");
        assert!(found == page, "errors.md is stale: run this test with QUAYSIDE_WRITE_DOCS=1");
    }
}
