//! What is sealed is found in no file of any of the seven processes, in no form, with all logs on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cluster::{Apart, Home};
use e2e::parcel::{MEMBERS, Parcel, order};
use e2e::sites::{self, Link};
use envelope::StorageKey;
use party::MemberId;
use trace::Book;

/// A text or secret that must not be found, in every form in which it might be.
struct Canary {
    name: String,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Canary {
    fn text(name: &str, text: &str) -> Self {
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut canary = Self::bytes(name, text.as_bytes());
        canary.forms.push(("UTF-16LE", wide));
        canary
    }

    fn bytes(name: &str, bytes: &[u8]) -> Self {
        let mut forms = vec![
            ("plain", bytes.to_vec()),
            ("hexadecimal", hex::encode(bytes).into_bytes()),
            ("capital hexadecimal", hex::encode_upper(bytes).into_bytes()),
        ];
        for (form, engine) in [("base64", &STANDARD_NO_PAD), ("base64url", &URL_SAFE_NO_PAD)] {
            // It may stand anywhere in what was encoded: the outermost digits are not all its own.
            for before in 0..3 {
                let text = engine.encode([vec![0; before], bytes.to_vec()].concat()).into_bytes();
                let own = (before * 8).div_ceil(6)..(before + bytes.len()) * 8 / 6;
                forms.push((form, text.get(own).unwrap_or_default().to_vec()));
            }
        }
        Self { name: name.to_owned(), forms }
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// Where canaries are found below a folder, and in how many files and bytes they were looked for.
fn search(folder: &Path, canaries: &[Canary]) -> Result<(Vec<String>, usize, usize)> {
    let mut all = Vec::new();
    files(folder, &mut all)?;
    let (mut found, mut bytes_read) = (Vec::new(), 0);
    for file in &all {
        let bytes = std::fs::read(file)?;
        bytes_read += bytes.len();
        for Canary { name, forms } in canaries {
            for (form, needle) in forms {
                ensure!(needle.len() >= 6, "{name} as {form} is too short to be told");
                if memchr::memmem::find(&bytes, needle).is_some() {
                    found.push(format!("{name} as {form} in {}", file.display()));
                }
            }
        }
    }
    Ok((found, all.len(), bytes_read))
}

/// The item secrets that a member's book holds, read as only its storage key lets one.
fn secrets(nodes: &Apart, site: &str, member: &str, items: &[&str]) -> Result<Vec<Canary>> {
    let folder = nodes.home.file(&format!("data/{site}-gateway/members/{member}/book"));
    // A copy: to open a book is to tidy it up.
    let copy = tempfile::tempdir()?;
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        std::fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
    }
    let key = std::fs::read_to_string(nodes.home.file(&format!("members/{member}/storage.key")))?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(key.trim(), &mut bytes)?;
    let member: MemberId = member.parse()?;
    let book = Book::open(copy.path(), &StorageKey::from_bytes(bytes), member.clone())?;
    let mut canaries = Vec::new();
    for item in items {
        for (secret, _) in book.secrets(item)? {
            canaries
                .push(Canary::bytes(&format!("{member}'s secret of {item}"), secret.as_bytes()));
        }
    }
    Ok(canaries)
}

#[test]
fn nothing_that_is_sealed_is_found_on_any_disk_or_in_any_log() -> Result<()> {
    // As talkative as can be, the libraries included.
    let mut nodes = sites::started(Link::SHORT, &[("RUST_LOG", "trace")])?;
    sites::until(&nodes, "ready")?;
    let ordered = order(2);
    let mut parcel = Parcel::order(&nodes, &ordered)?;
    parcel.deliver(&nodes)?;
    parcel.acknowledged(&nodes)?;
    for member in MEMBERS {
        // Whoever reads it sees it in the answer, which is on no disk either.
        parcel.trace(&nodes, member)?;
        parcel.shown(&nodes, member)?;
    }
    // A refusal tells of what is wrong, and does not repeat it.
    let mut wrong = order(3);
    wrong["buyer"] = ordered["buyer"].clone();
    wrong["parties"]["airline"] = "nobody".into();
    ensure!(Parcel::order(&nodes, &wrong).is_err(), "an order to nobody is refused");

    let mut canaries = Vec::new();
    for (field, value) in ordered["buyer"].as_object().context("a buyer")? {
        canaries.push(Canary::text(&format!("buyer.{field}"), value.as_str().context("text")?));
    }
    for good in ordered["goods"].as_array().context("goods")? {
        let description = good["description"].as_str().context("text")?;
        canaries.push(Canary::text("goods.description", description));
        let serial = good["sgtin"].as_str().and_then(|sgtin| sgtin.rsplit('.').next());
        canaries.push(Canary::text("goods.sgtin", &format!("/21/{}", serial.context("a serial")?)));
    }
    canaries.push(Canary::text("the parcel's name", &parcel.name));
    let pallet = parcel.shown(&nodes, "sky-air")?["pallet"].clone();
    let pallet = pallet.as_str().context("a pallet")?;
    canaries.push(Canary::text("the pallet's name", pallet));
    for name in nodes.names()? {
        nodes.kill(&name)?;
    }
    let items = [parcel.name.as_str(), pallet];
    let before = canaries.len();
    canaries.extend(secrets(&nodes, "hangzhou", "hz-forwarder", &items)?);
    canaries.extend(secrets(&nodes, "liege", "es-post", &items)?);
    assert_eq!(canaries.len() - before, 4, "two holders of two secrets");

    let (found, files, bytes) = search(nodes.home.path(), &canaries)?;
    println!("{} canaries in {files} files, {bytes} bytes: {found:#?}", canaries.len());
    assert!(files > 100 && bytes > 1_000_000, "there was something to look through");
    let logs = nodes.home.file("run");
    assert!(search(&logs, &[])?.2 > 100_000, "the logs are talkative");
    assert_eq!(found, Vec::<String>::new());
    Ok(())
}

#[test]
fn what_is_open_is_found_so_the_search_can_see() -> Result<()> {
    let home = Home::new()?;
    let node = home.start()?;
    super::journey::capture(&home)?;
    drop(node);
    let (_, document) = e2e::journey()?.remove(0);
    let text = std::fs::read_to_string(document)?;
    let seen = "https://id.gs1.org/00/095210010000047111";
    ensure!(text.contains("9521001.0000004711"), "the parcel of the examples");
    let (found, ..) = search(home.path(), &[Canary::text("the open parcel's name", seen)])?;
    assert!(found.iter().any(|place| place.contains("plain") && place.contains("data/ledger")));
    Ok(())
}

#[test]
fn a_canary_is_found_in_each_of_its_forms_wherever_it_stands() -> Result<()> {
    let word = "Quetzalli";
    let canary = [Canary::text("a word", word)];
    let wide: String = word.chars().flat_map(|letter| [letter, '\0']).collect();
    let mut written = vec![word.to_owned(), wide, hex::encode(word), hex::encode_upper(word)];
    for before in ["", "a", "ab", "abc"] {
        written.push(STANDARD_NO_PAD.encode(format!("{before}{word} and more")));
    }
    for text in written {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("log"), format!("before {text} after"))?;
        assert!(!search(folder.path(), &canary)?.0.is_empty(), "missed: {text}");
    }
    Ok(())
}
