//! The nodes of a topology, each in a process of its own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::{Answer, Home, Node, free_ports};

/// The ports that the nodes of the default topology take, those of a node with every role included.
const PORTS: u16 = 9;

/// The seven nodes of the default topology on fixed ports: a ledger, and `keys` and `gateway` at
/// each of three sites. Each can be killed and started again on what it left.
#[derive(Debug)]
pub struct Apart {
    /// The state folder that they share, as one machine would.
    pub home: Home,
    running: BTreeMap<String, Node>,
}

impl Apart {
    /// Makes the folder; nothing runs yet.
    ///
    /// # Errors
    ///
    /// When the program is missing or fails.
    pub fn new() -> Result<Self> {
        let home = Home::at_port(free_ports(PORTS)?)?;
        fs::create_dir(home.file("run"))?;
        Ok(Self { home, running: BTreeMap::new() })
    }

    /// Makes the folder, starts every node and waits until all answer.
    ///
    /// # Errors
    ///
    /// When one does not answer; the message holds the end of each log.
    pub fn up() -> Result<Self> {
        let mut nodes = Self::new()?;
        for name in nodes.names()? {
            nodes.start(&name)?;
        }
        nodes.wait()?;
        Ok(nodes)
    }

    /// Lists the nodes: the ledger first, then the keys, then the gateways.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.home.file("nodes"))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        let kind = |name: &str| {
            ["-ledger", "-keys", "-gateway"].iter().position(|kind| name.ends_with(kind))
        };
        names.sort_by(|a, b| kind(a).cmp(&kind(b)).then_with(|| a.cmp(b)));
        Ok(names)
    }

    /// Returns the path of a node's configuration.
    #[must_use]
    pub fn config(&self, name: &str) -> PathBuf {
        self.home.file("nodes").join(name).join("node.toml")
    }

    /// Returns the path of the file to which a node logs.
    #[must_use]
    pub fn log_file(&self, name: &str) -> PathBuf {
        self.home.file("run").join(format!("{name}.log"))
    }

    /// Starts a node and does not wait.
    ///
    /// # Errors
    ///
    /// When it runs already, or cannot be started.
    pub fn start(&mut self, name: &str) -> Result<()> {
        self.start_with(name, [])
    }

    /// Starts a node with more environment variables and does not wait.
    ///
    /// # Errors
    ///
    /// When it runs already, or cannot be started.
    pub fn start_with<'a>(
        &mut self,
        name: &str,
        environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<()> {
        ensure!(!self.running.contains_key(name), "{name} runs already");
        let mut command = self.home.command();
        command.arg("run").arg("--config").arg(self.config(name)).envs(environment);
        let node = Node::spawn(command, self.log_file(name))?;
        // By this file `quayside status` knows that the node belongs to what runs here.
        let pid_file = self.home.file("run").join(format!("{name}.pid"));
        fs::write(pid_file, format!("{}\n", node.id()))?;
        self.running.insert(name.to_owned(), node);
        Ok(())
    }

    /// Waits until every node answers and every gateway has caught up.
    ///
    /// # Errors
    ///
    /// When one does not; the message holds the end of each log.
    pub fn wait(&self) -> Result<()> {
        let answer = self.home.quayside(["status", "--wait", "--timeout", "60", "--json"])?;
        if answer.code == Some(0) {
            return Ok(());
        }
        let logs: Vec<String> =
            self.running.iter().map(|(name, node)| format!("{name}:\n{}", node.log())).collect();
        anyhow::bail!("not every node answers: {answer:#?}\n{}", logs.join("\n"))
    }

    /// Returns a running node.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn node(&mut self, name: &str) -> Result<&mut Node> {
        self.running.get_mut(name).with_context(|| format!("{name} does not run"))
    }

    /// Ends a node as a power cut would.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        self.node(name)?.kill()?;
        self.running.remove(name);
        Ok(())
    }

    /// Ends a node as a power cut would, starts it again on what it left, and waits until every node
    /// answers.
    ///
    /// # Errors
    ///
    /// When it does not run, or does not come back.
    pub fn restart(&mut self, name: &str) -> Result<()> {
        self.kill(name)?;
        self.start(name)?;
        self.wait()
    }

    /// Runs one command in a member's name, at the member's own gateway.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn quayside<S: AsRef<OsStr>>(
        &self,
        member: &str,
        words: impl IntoIterator<Item = S>,
    ) -> Result<Answer> {
        let mut all: Vec<_> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        all.extend(["--as", member].map(Into::into));
        self.home.quayside(all)
    }

    /// Runs one command at a node of one's choice, by its configuration.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn quayside_at<S: AsRef<OsStr>>(
        &self,
        name: &str,
        words: impl IntoIterator<Item = S>,
    ) -> Result<Answer> {
        let mut all: Vec<_> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        all.extend([OsStr::new("--config").to_owned(), self.config(name).into_os_string()]);
        self.home.quayside(all)
    }
}
