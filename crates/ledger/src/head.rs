//! What readers may see: nothing above the last acknowledged block.
//!
//! A block is readable in the store a little before it is marked and acknowledged. Whoever answers
//! from the store takes a moment that stands at the head, so that no answer is about a block that
//! could still be lost.

use crate::moment::Moment;
use crate::{Error, Ledger, Refusal, reason};

impl Ledger {
    /// The store as of the last acknowledged block, for all but the state tree's pages.
    ///
    /// Not to be called by a thread that holds a moment with pages: a commit waits for that one,
    /// and this may wait for the commit.
    pub(crate) fn moment(&self) -> Result<Moment<'_>, Error> {
        self.at_head(false)
    }

    /// The same for the state tree too. One thread holds one such moment at a time, and not for
    /// long: a commit waits for it.
    pub(crate) fn moment_with_pages(&self) -> Result<Moment<'_>, Error> {
        self.at_head(true)
    }

    fn at_head(&self, pages: bool) -> Result<Moment<'_>, Error> {
        self.refuse_when_stopped()?;
        if let Some(moment) = self.now_at_head(pages)? {
            return Ok(moment);
        }
        // A block has been written and is not marked yet. Without a commit nothing moves.
        let _none_commits = self.committing.lock();
        self.refuse_when_stopped()?;
        self.now_at_head(pages)?.ok_or_else(|| Error::Damaged {
            what: "its tip is not the last block that was acknowledged".to_owned(),
            place: "store".to_owned(),
        })
    }

    pub(crate) fn now_at_head(&self, pages: bool) -> Result<Option<Moment<'_>>, Error> {
        let newer = pages.then(|| self.newer.read());
        let tree = newer.as_ref().map(|newer| newer.tip);
        let moment = match newer {
            Some(newer) => Moment::with_pages(&self.store, newer),
            None => Moment::of(&self.store),
        };
        let tip = moment.some_tip()?.hash;
        let stands = tip == self.head.read().hash && tree.is_none_or(|tree| tree == tip);
        Ok(stands.then_some(moment))
    }

    pub(crate) fn refuse_when_stopped(&self) -> Result<(), Error> {
        match self.stopped.get() {
            Some(why) => Err(Error::Stopped { why: why.clone() }),
            None => Ok(()),
        }
    }

    /// Answers nothing any more: whether the last block is durable is not known.
    pub(crate) fn stop(&self, error: &Error) {
        // The first failure is the one to tell of.
        let why = self.stopped.get_or_init(|| error.to_string());
        let refusal = Refusal::new(reason::STOPPED, format!("the ledger has stopped: {why}"));
        self.pool.close(&refusal);
    }
}
