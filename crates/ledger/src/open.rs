//! Opening a ledger, and founding one.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use party::{KeyId, Members};
use statement::{Content, Genesis, Height, LogIndex, Statement, members_digest};
use store::{Access, Options, Store};
use tokio::sync::watch;

use crate::admit::{Admitted, Rules};
use crate::commit::{self, MAX_TIME_MS};
use crate::execute::{Candidate, Execution, Verdict};
use crate::marker::Marker;
use crate::moment::Moment;
use crate::pages::Newer;
use crate::pool::Pool;
use crate::post::Post;
use crate::rows::Tip;
use crate::serve::Wake;
use crate::{Config, Error, Ledger, Machine, keys};

/// The store's directory within the ledger's.
const STORE: &str = "store";

/// Opens the store beneath a ledger's directory.
pub(crate) fn open_store(path: &Path, access: Access, cache_bytes: usize) -> Result<Store, Error> {
    let options = Options { access, cache_bytes, ..Options::default() };
    Ok(Store::open(&path.join(STORE), &keys::FAMILIES, &options)?)
}

impl Rules {
    /// The rules that a genesis statement sets, and the statement, ready to be the first entry.
    pub(crate) fn found(
        genesis: &Bytes,
        machine: Arc<dyn Machine>,
    ) -> Result<(Self, Genesis, Admitted), Error> {
        let wrong = |why: String| Error::Genesis { why };
        let statement = Statement::decode(genesis).map_err(|error| wrong(error.to_string()))?;
        if statement.content() != Content::Genesis {
            return Err(wrong(format!("it is a {:?} statement", statement.content())));
        }
        let content =
            Genesis::decode(statement.payload()).map_err(|error| wrong(error.to_string()))?;
        if !(0..=MAX_TIME_MS).contains(&content.time_ms) {
            let why = format!("its time {} is not of the years 1970 to 9999", content.time_ms);
            return Err(wrong(why));
        }
        let issuer = content.members.get(statement.issuer());
        let issuer = issuer.ok_or_else(|| wrong(format!("{} is no member", statement.issuer())))?;
        if statement.consortium() != content.members.consortium() {
            return Err(wrong("it names two consortia".to_owned()));
        }
        let key = issuer.statement_key;
        statement.verify(&key).map_err(|error| wrong(error.to_string()))?;
        let rules = Self {
            consortium: statement.consortium().clone(),
            max_window: content.max_window,
            machine,
        };
        let (leaves, decoded, bodies) = (Vec::new(), Vec::new(), Vec::new());
        let bytes = genesis.clone();
        let admitted = Admitted { statement, key, bytes, leaves, decoded, bodies };
        Ok((rules, content, admitted))
    }
}

/// Executes the first block, which holds the genesis statement alone.
pub(crate) fn first_block(
    rules: &Rules,
    moment: &Moment<'_>,
    genesis: &Genesis,
    admitted: Admitted,
) -> Result<Candidate, Error> {
    let mut execution = Execution::start(rules, moment, None, genesis.time_ms)?;
    match execution.add(&Arc::new(admitted))? {
        Verdict::Taken => execution.finish(),
        other => Err(Error::Genesis { why: format!("the rules do not take it: {other:?}") }),
    }
}

impl Ledger {
    /// Opens the ledger in `config.path`, or begins it with the genesis block.
    ///
    /// # Errors
    ///
    /// When the store is damaged, lost something acknowledged, or began with another genesis; when
    /// the genesis statement or the receipt key does not fit the pinned members.
    pub fn open(config: Config, machine: Arc<dyn Machine>) -> Result<Arc<Self>, Error> {
        let (rules, genesis, admitted) = Rules::found(&config.genesis, machine)?;
        if *config.members.consortium() != rules.consortium {
            let why = "it is of another consortium than the pinned members".to_owned();
            return Err(Error::Genesis { why });
        }
        let place = config.path.display().to_string();
        let made = make_directory(&config.path)?;
        let (marker, marked) = Marker::open(&config.path)?;
        if let Some(marked) = marked {
            look_first(&config, &place, marked)?;
        }
        let store = open_store(&config.path, Access::Write, config.limits.cache_bytes)?;
        let recovered = recover(&Moment::of(&store), &place, &config.genesis, marked)?;
        let tip = match recovered {
            Some(tip) => tip,
            None => {
                let tip = begin(&config, &rules, &store, &marker, &genesis, admitted)?;
                for directory in made.iter().map(PathBuf::as_path).chain([&*config.path]) {
                    sync_directory(directory)?;
                }
                tip
            }
        };
        let newer = Newer::recover(&Moment::of(&store), &tip)?;
        tracing::info!(height = tip.height.0, entries = tip.log.size(), "ledger opened");
        let post = Post::open(&store)?;
        let (heights, _) = watch::channel(tip.height);
        let ledger = Arc::new(Self {
            store,
            rules,
            marker,
            limits: config.limits,
            signer: config.receipt_key,
            pool: Pool::default(),
            held: Mutex::default(),
            candidates: Mutex::new(VecDeque::new()),
            committing: Mutex::new(()),
            newer: RwLock::new(newer),
            head: RwLock::new(tip),
            stopped: OnceLock::new(),
            heights,
            wake: Wake::default(),
            post,
            note: Mutex::new(None),
        });
        ledger.check_signer(&ledger.members()?)?;
        Ok(ledger)
    }

    fn check_signer(&self, members: &Members) -> Result<(), Error> {
        let Some((id, key)) = &self.signer else { return Ok(()) };
        let member = members.get(id).filter(|_| members.validators().contains(id));
        let why = match member {
            None => format!("{id} is no validator"),
            Some(member) if KeyId::of(&member.receipt_key) != key.id() => {
                format!("the key is not the receipt key that {id} registered")
            }
            Some(_) => return Ok(()),
        };
        Err(Error::NoReceiptKey { why })
    }
}

/// Founds the log: the first block, written and marked like any other.
fn begin(
    config: &Config,
    rules: &Rules,
    store: &Store,
    marker: &Marker,
    genesis: &Genesis,
    admitted: Admitted,
) -> Result<Tip, Error> {
    if members_digest(&config.members) != members_digest(&genesis.members) {
        let why = "its members are not those that this node pins".to_owned();
        return Err(Error::Genesis { why });
    }
    let candidate = first_block(rules, &Moment::of(store), genesis, admitted)?;
    commit::write_through(store, &candidate, &[], Some(&Newer::default()))?;
    commit::mark(marker, &candidate)?;
    Ok(candidate.tip)
}

/// Compares the store with the mark before anything is opened for writing: recovery cuts the
/// write-ahead log where it is torn, and of a log that lost its end that would be the evidence.
fn look_first(config: &Config, place: &str, marked: (Height, merkle::Digest)) -> Result<(), Error> {
    if !config.path.join(STORE).exists() {
        let (path, acknowledged) = (place.to_owned(), marked.0);
        return Err(Error::LostAcknowledged { path, recovered: Height(0), acknowledged });
    }
    let store = open_store(&config.path, Access::Read, config.limits.cache_bytes)?;
    recover(&Moment::of(&store), place, &config.genesis, Some(marked)).map(drop)
}

/// Makes a directory; gives those in which a name is new by that.
fn make_directory(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let make = || {
        let whole = std::path::absolute(path)?;
        let new = whole.ancestors().take_while(|one| !one.exists());
        let parents = new.filter_map(Path::parent).map(Path::to_owned).collect();
        std::fs::create_dir_all(&whole)?;
        Ok(parents)
    };
    make().map_err(|error: std::io::Error| Error::File {
        path: path.display().to_string(),
        why: error.to_string(),
    })
}

/// Makes the names of files that were just made survive a power cut.
fn sync_directory(path: &Path) -> Result<(), Error> {
    std::fs::File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| Error::File { path: path.display().to_string(), why: error.to_string() })
}

/// Reads the tip and makes sure that the store is whole up to it, that nothing acknowledged is
/// missing, and that it is this consortium's log.
pub(crate) fn recover(
    moment: &Moment<'_>,
    path: &str,
    genesis: &Bytes,
    marked: Option<(Height, merkle::Digest)>,
) -> Result<Option<Tip>, Error> {
    moment.check_format()?;
    let tip = moment.tip()?;
    let recovered = tip.as_ref().map_or(Height(0), |tip| tip.height);
    if let Some((acknowledged, hash)) = marked {
        if recovered < acknowledged {
            let path = path.to_owned();
            return Err(Error::LostAcknowledged { path, recovered, acknowledged });
        }
        let damaged = |what| Error::Damaged { what, place: path.to_owned() };
        match moment.block(acknowledged)? {
            Some(block) if block.header.hash() == hash => {}
            Some(_) => {
                let what = format!("block {acknowledged} is not the one that was acknowledged");
                return Err(damaged(what));
            }
            None => {
                let what = format!("block {acknowledged}, which was acknowledged, is missing");
                return Err(damaged(what));
            }
        }
    }
    let Some(tip) = tip else { return Ok(None) };
    if moment.entry(LogIndex(0))?.as_ref() != Some(genesis) {
        return Err(Error::OtherGenesis { path: path.to_owned() });
    }
    agree(moment, &tip, path)?;
    Ok(Some(tip))
}

/// Compares the tip with the header of its block. That the state tree has the tip's root shows when
/// its pages are recovered.
fn agree(moment: &Moment<'_>, tip: &Tip, path: &str) -> Result<(), Error> {
    let damaged = |what: &str| Error::Damaged { what: what.to_owned(), place: path.to_owned() };
    let block = moment.block(tip.height)?.ok_or_else(|| damaged("the tip's block is missing"))?;
    let agreements = [
        (block.header.hash() == tip.hash, "the tip's block has another hash"),
        (block.header.log_size.0 == tip.log.size(), "the tip's block has another log size"),
        (block.header.log_root == tip.log.root(), "the tip's block has another log root"),
        (block.header.state_root == tip.state_root, "the tip's block has another state root"),
        (block.header.members == tip.members, "the tip's block has another set of members"),
    ];
    match agreements.iter().find(|(holds, _)| !holds) {
        Some((_, what)) => Err(damaged(what)),
        None => Ok(()),
    }
}
