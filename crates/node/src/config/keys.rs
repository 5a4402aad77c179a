//! The keys role's part of a configuration file.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use party::{MemberId, SiteId};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The keys role's part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder with the stores of link keys.
    pub data: PathBuf,
    /// The node's certificate.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// The site whose members it serves.
    pub site: SiteId,
    /// The key under which link keys lie on disk.
    pub storage_key: PathBuf,
    /// The key with which the site signs the frames of its links.
    pub link_key: PathBuf,
    /// The members for whom it draws and recovers secrets.
    #[serde(rename = "member")]
    pub members: Vec<KeysMember>,
    /// The quantum links that end here.
    #[serde(default, rename = "link")]
    pub links: Vec<KeysLink>,
}

/// The secrets with which a member recovers what was sealed to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysMember {
    /// The member.
    pub id: MemberId,
    /// Its X25519 secret.
    pub x25519_key: PathBuf,
    /// The seed of its X-Wing key pair.
    pub x_wing_key: PathBuf,
}

/// One end of a quantum link.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysLink {
    /// The link.
    pub id: String,
    /// The site at its other end.
    pub far: SiteId,
    /// Which end this is.
    pub end: LinkEnd,
    /// Where the far end's keys node is: an `https://` URL, or the path of the `address` file that
    /// it writes. The sender dials, so the receiver needs none.
    pub address: Option<String>,
    /// The length of the fibre, in kilometres.
    pub length_km: f64,
    /// Its loss.
    #[serde(default = "KeysLink::default_attenuation_db_per_km")]
    pub attenuation_db_per_km: f64,
    /// The share of arriving photons that click.
    #[serde(default = "KeysLink::default_detector_efficiency")]
    pub detector_efficiency: f64,
    /// The chance that a detector clicks without a photon, for each pulse.
    #[serde(default = "KeysLink::default_dark_count_probability")]
    pub dark_count_probability: f64,
    /// The chance that a photon clicks in the wrong detector.
    #[serde(default = "KeysLink::default_misalignment")]
    pub misalignment: f64,
    /// The pulses of a block; both ends must say the same.
    #[serde(default = "KeysLink::default_block_pulses")]
    pub block_pulses: u32,
    /// How many keys wait at each end to be drawn before the link rests.
    #[serde(default = "KeysLink::default_max_keys")]
    pub max_keys: u64,
    /// How often a link that rests is measured all the same, so that a listener is noticed, in
    /// milliseconds. The keys of such a block are destroyed.
    #[serde(default = "KeysLink::default_watch_interval_ms")]
    pub watch_interval_ms: u64,
    /// Taken in only to be refused with words.
    #[serde(default)]
    seed: Option<IgnoredAny>,
}

/// The two ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkEnd {
    /// Sends pulses, and dials.
    Sender,
    /// Receives pulses through the simulated channel.
    Receiver,
}

impl LinkEnd {
    /// The end's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Receiver => "receiver",
        }
    }
}

impl KeysLink {
    fn default_attenuation_db_per_km() -> f64 {
        qkd::Physics::default().attenuation_db_per_km
    }

    fn default_detector_efficiency() -> f64 {
        qkd::Physics::default().detector_efficiency
    }

    fn default_dark_count_probability() -> f64 {
        qkd::Physics::default().dark_count_probability
    }

    fn default_misalignment() -> f64 {
        qkd::Physics::default().misalignment
    }

    fn default_block_pulses() -> u32 {
        qkd::Parameters::default().pulses
    }

    fn default_max_keys() -> u64 {
        4_096
    }

    fn default_watch_interval_ms() -> u64 {
        10_000
    }

    /// What the fibre and the detectors are like.
    #[must_use]
    pub fn physics(&self) -> qkd::Physics {
        qkd::Physics {
            length_km: self.length_km,
            attenuation_db_per_km: self.attenuation_db_per_km,
            detector_efficiency: self.detector_efficiency,
            dark_count_probability: self.dark_count_probability,
            misalignment: self.misalignment,
        }
    }

    /// What both ends must agree on.
    #[must_use]
    pub fn parameters(&self) -> qkd::Parameters {
        qkd::Parameters { pulses: self.block_pulses, ..qkd::Parameters::default() }
    }
}

impl Keys {
    /// Makes the paths independent of the working folder.
    pub(super) fn resolve(&mut self, folder: &Path) {
        let under = |path: &mut PathBuf| *path = folder.join(&*path);
        under(&mut self.data);
        under(&mut self.certificate);
        under(&mut self.key);
        under(&mut self.storage_key);
        under(&mut self.link_key);
        for member in &mut self.members {
            under(&mut member.x25519_key);
            under(&mut member.x_wing_key);
        }
        for address in self.links.iter_mut().filter_map(|link| link.address.as_mut()) {
            super::resolve_address(address, folder);
        }
    }

    /// Checks what the grammar cannot.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for member in &self.members {
            if !seen.insert(&member.id) {
                return Err(format!("keys.member: {} is given twice", member.id));
            }
        }
        if self.members.is_empty() {
            return Err("keys.member: name at least one member to draw secrets for".to_owned());
        }
        let mut seen = BTreeSet::new();
        for link in &self.links {
            if !seen.insert(&link.id) {
                return Err(format!("keys.link: {} is given twice", link.id));
            }
            self.check_link(link)?;
        }
        Ok(())
    }

    fn check_link(&self, link: &KeysLink) -> Result<(), String> {
        let id = &link.id;
        if id.parse::<SiteId>().is_err() {
            return Err(format!(
                "keys.link: {id:?} should be small letters, digits and hyphens, at most 63"
            ));
        }
        if link.seed.is_some() {
            return Err(format!(
                "keys.link.seed: link {id} would give keys that whoever knows the seed can \
                 foretell; seeded links exist in tests alone, so take the line out"
            ));
        }
        if link.far == self.site {
            return Err(format!("keys.link.far: link {id} ends at both ends at {}", link.far));
        }
        if link.end == LinkEnd::Sender && link.address.is_none() {
            return Err(format!(
                "keys.link.address: the sender of link {id} dials, so say where {} is",
                link.far
            ));
        }
        if let Some(address) = &link.address {
            super::check_address("keys.link.address", address)?;
        }
        link.physics()
            .check()
            .and_then(|()| link.parameters().check())
            .map_err(|error| format!("keys.link: link {id}: {error}"))?;
        if link.max_keys == 0 {
            return Err(format!("keys.link.max_keys: link {id} must keep at least one key"));
        }
        Ok(())
    }
}
