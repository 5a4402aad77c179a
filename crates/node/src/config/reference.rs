//! Explain every key of a configuration file: the source of `docs/reference/config.md`.

/// One key of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key with its section: `ledger.listen`.
    pub key: &'static str,
    /// What may stand there.
    pub kind: &'static str,
    /// The value when the key is left out; `None` when it must be given.
    pub default: Option<&'static str>,
    /// What it means.
    pub meaning: &'static str,
}

const fn needed(key: &'static str, kind: &'static str, meaning: &'static str) -> Entry {
    Entry { key, kind, default: None, meaning }
}

const fn optional(
    key: &'static str,
    kind: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Entry {
    Entry { key, kind, default: Some(default), meaning }
}

/// Every key, in the order in which `admin init` writes them.
pub const ENTRIES: &[Entry] = &[
    needed("consortium", "id", "The consortium that the node belongs to."),
    needed(
        "roles",
        "list of `ledger`, `keys`, `gateway`",
        "The roles started when `--role` names none.",
    ),
    needed("trust.members", "path", "The pinned members file; it must fit the genesis."),
    needed(
        "trust.authority",
        "path",
        "The certificate of the authority that issues service certificates, PEM.",
    ),
    needed("trust.revocations", "path", "The authority's certificate revocation list, PEM."),
    optional(
        "trust.poll_interval_ms",
        "milliseconds",
        "1000",
        "How often the revocation list's file is looked at.",
    ),
    needed("ledger.listen", "address:port", "Where the ledger listens; port 0 takes a free one."),
    needed("ledger.data", "path", "The folder with the log and the state."),
    needed("ledger.certificate", "path", "The ledger's certificate, PEM."),
    needed("ledger.key", "path", "That certificate's private key, PEM."),
    needed("ledger.genesis", "path", "The signed genesis statement, log entry 0."),
    needed(
        "ledger.operator",
        "member id",
        "The member in whose name receipts and checkpoints are signed.",
    ),
    needed("ledger.receipt_key", "path", "That member's receipt key, 64 hexadecimal digits."),
    optional(
        "ledger.max_pending_mib",
        "MiB",
        "256",
        "How much may wait to be ordered before callers are told to come back.",
    ),
    needed("keys.listen", "address:port", "Where the keys node listens; port 0 takes a free one."),
    needed("keys.data", "path", "The folder with the stores of link keys."),
    needed("keys.certificate", "path", "The keys node's certificate, PEM."),
    needed("keys.key", "path", "That certificate's private key, PEM."),
    needed("keys.site", "site id", "The site whose members it serves."),
    needed(
        "keys.storage_key",
        "path",
        "The key under which link keys lie on disk, 64 hexadecimal digits.",
    ),
    needed(
        "keys.link_key",
        "path",
        "The key with which the site signs the frames of its links, 64 hexadecimal digits.",
    ),
    needed(
        "keys.member.id",
        "member id",
        "A member for whom it draws and recovers secrets; one `[[keys.member]]` each.",
    ),
    needed("keys.member.x25519_key", "path", "The member's X25519 secret, 64 hexadecimal digits."),
    needed(
        "keys.member.x_wing_key",
        "path",
        "The seed of the member's X-Wing key pair, 64 hexadecimal digits.",
    ),
    needed(
        "keys.link.id",
        "id",
        "A quantum link that ends here; one `[[keys.link]]` each, or none.",
    ),
    needed("keys.link.far", "site id", "The site at its other end."),
    needed("keys.link.end", "`sender` or `receiver`", "Which end this is; the sender dials."),
    optional(
        "keys.link.address",
        "URL or path",
        "none: the receiver is dialled",
        "Where the far end's keys node is: an `https://` URL, or the path of the `address` file that it writes. The sender must have it.",
    ),
    needed("keys.link.length_km", "kilometres", "The length of the fibre."),
    optional("keys.link.attenuation_db_per_km", "dB/km", "0.2", "Its loss."),
    optional(
        "keys.link.detector_efficiency",
        "0 to 1",
        "0.25",
        "The share of arriving photons that click.",
    ),
    optional(
        "keys.link.dark_count_probability",
        "0 to 1",
        "0.000001",
        "The chance that a detector clicks without a photon, for each pulse.",
    ),
    optional(
        "keys.link.misalignment",
        "0 to 1",
        "0.01",
        "The chance that a photon clicks in the wrong detector.",
    ),
    optional(
        "keys.link.block_pulses",
        "pulses",
        "4194304",
        "The pulses of a block, a multiple of 64; both ends must say the same.",
    ),
    optional(
        "keys.link.max_keys",
        "keys",
        "4096",
        "How many keys wait at each end to be drawn before the link rests. (There is no key `seed`: a seeded link is refused.)",
    ),
    optional(
        "keys.link.watch_interval_ms",
        "milliseconds",
        "10000",
        "How often a link that rests is measured all the same, so that a listener is noticed; the keys of such a block are destroyed.",
    ),
    needed("gateway.listen", "address:port", "Where the gateway listens; port 0 takes a free one."),
    needed("gateway.data", "path", "The folder with the gateway's own index; it can be rebuilt."),
    needed("gateway.certificate", "path", "The certificate under which the gateway listens, PEM."),
    needed("gateway.key", "path", "That certificate's private key, PEM."),
    optional(
        "gateway.ledger",
        "URL or path",
        "the ledger of this file",
        "Where the ledger is when it runs in another process: an `https://` URL, or the path of the `address` file that a ledger on this machine writes.",
    ),
    optional(
        "gateway.reseal_after_ms",
        "milliseconds",
        "10000",
        "After how long what a reader has not acknowledged is sealed to it again.",
    ),
    needed(
        "gateway.site.id",
        "site id",
        "A site that the gateway serves; one `[[gateway.site]]` each.",
    ),
    needed(
        "gateway.site.certificate",
        "path",
        "The site's certificate, with which its gateway calls a ledger in another process.",
    ),
    needed("gateway.site.key", "path", "That certificate's private key, PEM."),
    optional(
        "gateway.site.keys",
        "URL or path",
        "the keys of this file",
        "Where the site's keys are drawn when that is another process: an `https://` URL, or the path of the `address` file that a keys node on this machine writes.",
    ),
    needed(
        "gateway.member.id",
        "member id",
        "A member in whose name the gateway captures; one `[[gateway.member]]` each.",
    ),
    needed("gateway.member.site", "site id", "The site from which that member captures."),
    needed(
        "gateway.member.statement_key",
        "path",
        "The member's statement key, 64 hexadecimal digits.",
    ),
    needed(
        "gateway.member.seed_key",
        "path",
        "The key from which the seeds of the member's events derive, 64 hexadecimal digits.",
    ),
    needed(
        "gateway.member.storage_key",
        "path",
        "The key under which the member's opened events, content keys and item secrets lie on disk, 64 hexadecimal digits.",
    ),
    needed(
        "client.member",
        "member id",
        "In whose name the command line calls, unless `--as` says otherwise.",
    ),
    needed(
        "client.members",
        "path",
        "The folder with one folder per member, each with `client.pem` and `client.key`.",
    ),
    optional(
        "lifetime.drain_timeout_ms",
        "milliseconds",
        "10000",
        "How long calls under way may take to end after SIGTERM or SIGINT.",
    ),
    optional("log.format", "`text` or `json`", "`text`", "The form of a log line on stderr."),
    optional(
        "log.filter",
        "filter",
        "`info`",
        "Which events are said, in the syntax of tracing's `EnvFilter`; `RUST_LOG` overrides it.",
    ),
];

/// The page `docs/reference/config.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         `quayside run --config FILE` reads one TOML file; without `--config` it is `quayside.toml` in \
         the state folder.\nPaths are relative to the file. An unknown key is refused, with the file \
         and the line.\n\nThis page is made from `crates/node/src/config/reference.rs`; a test holds \
         the two together.\n",
    );
    let mut section = None;
    for entry in ENTRIES {
        let (table, key) = entry.key.rsplit_once('.').unwrap_or(("", entry.key));
        if section != Some(table) {
            section = Some(table);
            page.push_str(&heading(table));
        }
        let default = entry.default.unwrap_or("(must be given)");
        page.push_str("| `");
        for part in [key, "` | ", entry.kind, " | ", default, " | ", entry.meaning, " |\n"] {
            page.push_str(part);
        }
    }
    page
}

fn heading(table: &str) -> String {
    let title = match table {
        "" => "At the top".to_owned(),
        "gateway.site" | "gateway.member" | "keys.member" | "keys.link" => format!("`[[{table}]]`"),
        table => format!("`[{table}]`"),
    };
    format!("\n## {title}\n\n| key | value | default | meaning |\n|---|---|---|---|\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::Config;

    const FIGURES: [&str; 4] = [
        "keys.link.length_km",
        "keys.link.attenuation_db_per_km",
        "keys.link.detector_efficiency",
        "keys.link.misalignment",
    ];

    fn example(key: &str) -> &'static str {
        match key {
            "roles" => "[\"ledger\", \"keys\", \"gateway\"]",
            "keys.link.end" => "\"receiver\"",
            "keys.link.far" => "\"y\"",
            "keys.link.max_keys" => "5",
            "keys.link.block_pulses" => "65536",
            "keys.link.dark_count_probability" => "0.00001",
            key if FIGURES.contains(&key) => "0.5",
            "ledger.listen" | "keys.listen" | "gateway.listen" => "\"127.0.0.1:0\"",
            "log.format" => "\"json\"",
            key if key.ends_with("_ms") || key.ends_with("_mib") => "5",
            key if key.ends_with(".ledger") => "\"https://127.0.0.1:7401\"",
            _ => "\"x\"",
        }
    }

    /// A file with every key of the table but one.
    fn file_without(left_out: Option<&str>) -> String {
        let mut text = String::new();
        let mut section = "";
        for entry in ENTRIES {
            let (table, key) = entry.key.rsplit_once('.').unwrap_or(("", entry.key));
            if table != section {
                section = table;
                let heading = heading(table);
                let title = heading.split('`').nth(1).unwrap();
                writeln!(text, "{title}").unwrap();
            }
            if Some(entry.key) != left_out {
                writeln!(text, "{key} = {}", example(entry.key)).unwrap();
            }
        }
        text
    }

    #[test]
    fn the_table_names_each_key_that_is_read_and_none_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        fs::write(&path, file_without(None)).unwrap();
        Config::load(&path).unwrap();
        for entry in ENTRIES {
            fs::write(&path, file_without(Some(entry.key))).unwrap();
            let read = Config::load(&path);
            match entry.default {
                Some(_) => assert!(read.is_ok(), "{} has a default: {read:?}", entry.key),
                None => assert!(read.is_err(), "{} is needed", entry.key),
            }
        }
        // Every field in the source stands in the table: an unlisted one would be undocumented.
        let sources = [include_str!("../config.rs"), include_str!("keys.rs")];
        let fields: BTreeSet<&str> = sources
            .iter()
            .flat_map(|source| source.split("#[cfg(test)]").next().unwrap().lines())
            .filter_map(|line| line.strip_prefix("    pub ")?.split_once(": "))
            .map(|(name, _)| name)
            .filter(|name| !name.contains('('))
            .collect();
        let listed: BTreeSet<&str> =
            ENTRIES.iter().flat_map(|entry| entry.key.split('.')).collect();
        let known = ["path", "sites", "members", "links"];
        for field in fields.iter().filter(|field| !known.contains(field)) {
            assert!(listed.contains(field), "{field} is in no entry");
        }
    }

    #[test]
    fn the_page_is_what_the_table_says() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/config.md");
        if std::env::var_os("QUAYSIDE_WRITE_DOCS").is_some() {
            fs::create_dir_all(page.parent().unwrap()).unwrap();
            fs::write(&page, markdown()).unwrap();
        }
        let written = fs::read_to_string(&page).unwrap_or_default();
        assert_eq!(written, markdown(), "run this test once with QUAYSIDE_WRITE_DOCS=1");
    }
}
