//! Make a consortium: keys, certificates, genesis, configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clock::Clock;
use party::{Member, MemberId, Members, SealingKey};
use rand::TryRng as _;
use rand::rngs::SysRng;
use statement::{Content, Genesis, SigningKey, Statement};
use zeroize::Zeroizing;

use super::authority::{Authority, Usage};
use super::plan::{Plan, PlannedMember};
use super::template;
use crate::disk::{self, Readers};
use crate::{Error, State};

/// The furthest ahead, in blocks, that a statement may name its last height.
const MAX_WINDOW_BLOCKS: u64 = 100_000;

/// Where a consortium is put together before it is moved into place.
const STAGE: &str = ".making";

/// A consortium that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The state folder.
    pub folder: PathBuf,
    /// Its members, in the order of the plan.
    pub members: Vec<MemberId>,
    /// The member that runs the ledger.
    pub operator: MemberId,
    /// The configurations of single-role nodes, relative to the folder.
    pub nodes: Vec<PathBuf>,
}

/// Makes the consortium of `plan` in `folder`: the development authority, every member's keys and
/// client certificate, every node's certificate and configuration, the pinned members file and the
/// signed genesis statement.
///
/// Everything is put together in a folder aside and moved into place at the end, the main
/// configuration last: a crash leaves no half consortium that looks whole.
///
/// # Errors
///
/// [`Error::AlreadyInitialised`] when anything of a consortium is there, [`Error::Plan`] when the
/// plan cannot be made, [`Error::File`] and [`Error::Authority`] when the machine does not let us.
pub fn init(folder: &Path, plan: &Plan, clock: &dyn Clock) -> Result<Made, Error> {
    plan.check()?;
    refuse_to_overwrite(&State::at(folder))?;
    disk::make_folder(folder, Readers::Owner)?;
    let stage = State::at(folder.join(STAGE));
    if stage.folder().exists() {
        // Left by a crash; nothing in it was ever used.
        fs::remove_dir_all(stage.folder())
            .map_err(|error| Error::file("remove", stage.folder(), &error))?;
    }
    disk::make_folder(stage.folder(), Readers::Owner)?;
    let made = fill(&stage, folder, plan, clock)?;
    move_into_place(&stage, folder)?;
    Ok(made)
}

fn refuse_to_overwrite(state: &State) -> Result<(), Error> {
    let parts =
        ["quayside.toml", "members.json", "genesis.cbor", "authority", "members", "nodes", "data"];
    for part in parts {
        let found = state.folder().join(part);
        if found.exists() {
            return Err(Error::AlreadyInitialised { folder: state.folder().to_owned(), found });
        }
    }
    Ok(())
}

fn fill(stage: &State, folder: &Path, plan: &Plan, clock: &dyn Clock) -> Result<Made, Error> {
    let operator = plan.operator()?;
    let consortium = &plan.consortium;
    let authority = Authority::make(stage, consortium, clock)?;
    authority.write_revocations(stage, 1, &[])?;

    let mut members = Vec::with_capacity(plan.members.len());
    let mut genesis_key = None;
    for planned in &plan.members {
        let home = stage.member(&planned.id);
        let (member, statement_key) = make_member(&home, planned)?;
        let id = format!("spiffe://{consortium}/member/{}/client", planned.id);
        authority.issue(&home, "client", &id, Usage::Client, &[])?;
        members.push(member);
        if planned.id == operator.id {
            genesis_key = Some(statement_key);
        }
    }
    let mut link_keys = BTreeMap::new();
    for site in &plan.sites {
        let home = stage.node(&State::keys_node(site));
        disk::make_folder(&home, Readers::Owner)?;
        disk::write_key(&home.join("storage.key"), &*draw()?)?;
        link_keys.insert(site.clone(), draw_key(&home, "link.key")?.public());
    }
    let validators = BTreeSet::from([operator.id.clone()]);
    let members = Members::new(consortium.clone(), members, validators)
        .and_then(|members| members.with_link_keys(link_keys))
        .map_err(|error| Error::Plan { message: error.to_string() })?;
    disk::write(&stage.members(), members.to_json().as_bytes(), Readers::Anyone)?;

    let Some(genesis_key) = genesis_key else {
        return Err(Error::Plan { message: "no member runs the ledger".to_owned() });
    };
    let genesis = Genesis { time_ms: clock.now().0, members, max_window: MAX_WINDOW_BLOCKS };
    let signed =
        Statement::sign(&genesis_key, consortium, &operator.id, Content::Genesis, genesis.encode())
            .map_err(|error| Error::Plan { message: format!("genesis: {error}") })?;
    disk::write(&stage.genesis(), signed.as_bytes(), Readers::Anyone)?;

    let nodes = make_nodes(stage, plan, &authority)?;
    disk::write(&stage.config(), template::all_in_one(plan)?.as_bytes(), Readers::Anyone)?;
    Ok(Made {
        folder: folder.to_owned(),
        members: plan.members.iter().map(|member| member.id.clone()).collect(),
        operator: operator.id.clone(),
        nodes,
    })
}

/// Draws a member's keys into its folder; what the others may know of them, and the key with which
/// it signs statements.
fn make_member(home: &Path, planned: &PlannedMember) -> Result<(Member, SigningKey), Error> {
    disk::make_folder(home, Readers::Owner)?;
    let statement_key = draw_key(home, "statement.key")?;
    let member = Member {
        id: planned.id.clone(),
        roles: planned.roles.clone(),
        country: planned.country,
        sites: planned.sites.clone(),
        statement_key: statement_key.public(),
        receipt_key: draw_key(home, "receipt.key")?.public(),
        vote_key: draw_key(home, "vote.key")?.public(),
        sealing_key: Some(make_sealing_key(home)?),
    };
    for secret in ["seed.key", "storage.key"] {
        disk::write_key(&home.join(secret), &*draw()?)?;
    }
    Ok((member, statement_key))
}

/// Issues the nodes' certificates and writes a configuration for each that runs alone.
fn make_nodes(stage: &State, plan: &Plan, authority: &Authority) -> Result<Vec<PathBuf>, Error> {
    let operator = &plan.operator()?.id;
    let consortium = &plan.consortium;
    let mut nodes = vec![(
        State::ledger_node(operator),
        format!("spiffe://{consortium}/member/{operator}/ledger"),
        template::ledger_alone(plan)?,
    )];
    for site in &plan.sites {
        nodes.push((
            State::keys_node(site),
            format!("spiffe://{consortium}/site/{site}/keys"),
            template::keys_alone(plan, site),
        ));
        nodes.push((
            State::gateway_node(site),
            format!("spiffe://{consortium}/site/{site}/gateway"),
            template::gateway_alone(plan, site),
        ));
    }
    let mut paths = Vec::with_capacity(nodes.len());
    for (name, spiffe_id, config) in nodes {
        let home = stage.node(&name);
        disk::make_folder(&home, Readers::Owner)?;
        authority.issue(&home, "node", &spiffe_id, Usage::Node, &plan.hosts)?;
        disk::write(&home.join("node.toml"), config.as_bytes(), Readers::Anyone)?;
        paths.push(Path::new("nodes").join(name).join("node.toml"));
    }
    Ok(paths)
}

/// Moves what was staged into the state folder, the main configuration last.
fn move_into_place(stage: &State, folder: &Path) -> Result<(), Error> {
    let failed = |error: &std::io::Error| Error::file("move into place", folder, error);
    for part in ["authority", "members", "nodes", "members.json", "genesis.cbor", "quayside.toml"] {
        fs::rename(stage.folder().join(part), folder.join(part)).map_err(|error| failed(&error))?;
    }
    fs::remove_dir(stage.folder()).map_err(|error| failed(&error))?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))
}

/// Draws 32 bytes from the operating system.
fn draw() -> Result<Zeroizing<[u8; 32]>, Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    SysRng
        .try_fill_bytes(&mut *bytes)
        .map_err(|error| Error::Authority { message: format!("no randomness: {error}") })?;
    Ok(bytes)
}

/// Draws a signing key and keeps it in `folder`.
fn draw_key(folder: &Path, file: &str) -> Result<SigningKey, Error> {
    let bytes = draw()?;
    disk::write_key(&folder.join(file), &bytes)?;
    Ok(SigningKey::from_bytes(*bytes))
}

/// Draws the secrets with which a member opens what is sealed to it; their public parts.
fn make_sealing_key(folder: &Path) -> Result<SealingKey, Error> {
    let (x25519, x_wing) = (draw()?, draw()?);
    disk::write_key(&folder.join("x25519.key"), &x25519)?;
    disk::write_key(&folder.join("x-wing.key"), &x_wing)?;
    Ok(keys::public_sealing_key(&x25519, &x_wing))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use party::PublicKey;

    use super::*;

    fn every_file(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { every_file(&path, found) } else { found.push(path) }
        }
    }

    #[test]
    fn every_secret_and_only_a_secret_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        init(folder.path(), &Plan::demo(), &clock::System).unwrap();
        let mut files = Vec::new();
        every_file(folder.path(), &mut files);
        assert!(files.len() > 6 * 6, "{files:?}");
        for file in files {
            let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            let secret = file.extension().is_some_and(|extension| extension == "key");
            assert_eq!(mode, if secret { 0o600 } else { 0o644 }, "{}", file.display());
        }
    }

    #[test]
    fn a_second_init_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        init(folder.path(), &Plan::demo(), &clock::System).unwrap();
        let before = fs::read(folder.path().join("members.json")).unwrap();
        let error = init(folder.path(), &Plan::demo(), &clock::System).unwrap_err();
        assert!(matches!(error, Error::AlreadyInitialised { .. }), "{error}");
        assert_eq!(fs::read(folder.path().join("members.json")).unwrap(), before);
    }

    #[test]
    fn what_a_crash_left_aside_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(STAGE)).unwrap();
        fs::write(folder.path().join(STAGE).join("half"), b"half").unwrap();
        init(folder.path(), &Plan::demo(), &clock::System).unwrap();
        assert!(!folder.path().join(STAGE).exists());
    }

    #[test]
    fn the_genesis_is_signed_by_the_operator_and_names_the_pinned_members() {
        let folder = tempfile::tempdir().unwrap();
        let made = init(folder.path(), &Plan::demo(), &clock::System).unwrap();
        let state = State::at(folder.path());
        let members = Members::from_json(&fs::read_to_string(state.members()).unwrap()).unwrap();
        let signed = Statement::decode(&fs::read(state.genesis()).unwrap()).unwrap();
        let operator = members.get(&made.operator).unwrap();
        signed.verify(&operator.statement_key).unwrap();
        assert_eq!(Genesis::decode(signed.payload()).unwrap().members, members);
    }

    #[test]
    fn no_two_keys_are_equal() {
        let folder = tempfile::tempdir().unwrap();
        init(folder.path(), &Plan::demo(), &clock::System).unwrap();
        let state = State::at(folder.path());
        let members = Members::from_json(&fs::read_to_string(state.members()).unwrap()).unwrap();
        let mut keys: BTreeSet<PublicKey> = members
            .iter()
            .flat_map(|member| [member.statement_key, member.receipt_key, member.vote_key])
            .collect();
        keys.extend(members.link_keys().values().copied());
        let sealing = members.iter().filter_map(|member| member.sealing_key.as_ref());
        keys.extend(sealing.map(|key| PublicKey(key.x25519)));
        assert_eq!(keys.len(), 18 + 3 + 6);
        let mut secrets = BTreeSet::new();
        let mut files = Vec::new();
        every_file(folder.path(), &mut files);
        let bare = files.iter().filter(|file| disk::read_key(file).is_ok());
        let drawn = bare.map(|file| secrets.insert(*disk::read_key(file).unwrap())).count();
        assert_eq!((drawn, secrets.len()), (6 * 7 + 3 * 2, 6 * 7 + 3 * 2));
    }
}
