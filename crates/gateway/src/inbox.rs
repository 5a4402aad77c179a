//! What came by the post and is not yet opened, confirmed and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;
use party::MemberId;
use statement::hash::Context;
use statement::{Commitment, ReaderEntry};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::EntryKey;
use crate::row::Incoming;

/// The longest pause before something is tried again.
pub(crate) const LAST_WAIT: Duration = Duration::from_secs(30);

/// A recovery's request, the same one for all entries that one draw wrapped, also after a crash.
static RECOVER: Context = Context::new("gateway recover v1");

/// Entries that one draw wrapped: they are opened together, and their key is confirmed once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    // First, so that all groups of one event stand together.
    commitment: Commitment,
    pub(crate) sealer: MemberId,
    pub(crate) request: keys::RequestId,
}

/// The parts of a group, by number.
pub(crate) type Entries = BTreeMap<u32, ReaderEntry>;

#[derive(Debug)]
struct Waiting {
    entries: Entries,
    tries: u32,
    /// When it is to be opened; `None` while it is.
    due: Option<Instant>,
}

#[derive(Debug, Default)]
struct Groups {
    all: BTreeMap<Group, Waiting>,
    /// Those that are not under way, the first one due first.
    queue: BTreeSet<(Instant, Group)>,
}

/// What waits to be opened; its rows are on the shelf.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    groups: Mutex<Groups>,
    pub(crate) stirred: Notify,
}

impl Group {
    pub(crate) fn of(entry: &ReaderEntry) -> Self {
        let named = [entry.reader.as_str().as_bytes(), &[0], &entry.handle].concat();
        let mut id = [0; 16];
        id.iter_mut().zip(RECOVER.hash(&named)).for_each(|(to, from)| *to = from);
        let (commitment, sealer) = (entry.commitment, entry.sealer.clone());
        Self { commitment, sealer, request: keys::RequestId(id) }
    }
}

impl Groups {
    /// Takes a part out of the groups of one event that `which` names, and ends those left empty.
    fn take_out(&mut self, commitment: &Commitment, part: u32, which: impl Fn(&Group) -> bool) {
        let groups = self.all.iter_mut().skip_while(|(group, _)| group.commitment < *commitment);
        let groups = groups.take_while(|(group, _)| group.commitment == *commitment);
        let mut ended = Vec::new();
        for (group, waiting) in groups.filter(|(group, _)| which(group)) {
            waiting.entries.remove(&part);
            if let (true, Some(due)) = (waiting.entries.is_empty(), waiting.due) {
                ended.push((due, group.clone()));
            }
        }
        for at in ended {
            self.all.remove(&at.1);
            self.queue.remove(&at);
        }
    }

    /// Adds entries to a group, which is then due at a time; one that is under way stays so.
    fn add(&mut self, group: Group, entries: Entries, tries: u32, due: Instant) {
        let waiting = self.all.entry(group.clone()).or_insert_with(|| {
            self.queue.insert((due, group));
            Waiting { entries: Entries::new(), tries, due: Some(due) }
        });
        waiting.entries.extend(entries);
    }
}

impl Inbox {
    /// Takes up what was there before a restart.
    pub(crate) fn of(rows: Vec<Incoming>) -> Self {
        let inbox = Self::default();
        for row in rows {
            inbox.add(row.entry);
        }
        inbox
    }

    pub(crate) fn add(&self, entry: ReaderEntry) {
        let group = Group::of(&entry);
        let mut groups = self.groups.lock();
        // A newer entry for the same part: the older one's handle leads nowhere any more.
        let older = |other: &Group| other.sealer == group.sealer && *other != group;
        groups.take_out(&entry.commitment, entry.part, older);
        groups.add(group, Entries::from([(entry.part, entry)]), 0, Instant::now());
        drop(groups);
        self.stirred.notify_one();
    }

    pub(crate) fn remove(&self, key: &EntryKey) {
        self.groups.lock().take_out(&key.commitment, key.part, |_| true);
    }

    /// Takes up to `room` groups that are due, with how often each was tried, and tells when to ask
    /// again.
    pub(crate) fn take_due(&self, room: usize) -> (Vec<(Group, u32)>, Instant) {
        let now = Instant::now();
        let mut groups = self.groups.lock();
        let mut taken = Vec::new();
        loop {
            match groups.queue.first() {
                Some((due, _)) if *due > now => return (taken, *due),
                Some(_) if taken.len() < room => {}
                _ => return (taken, now + LAST_WAIT),
            }
            let Some((_, group)) = groups.queue.pop_first() else { continue };
            if let Some(waiting) = groups.all.get_mut(&group) {
                waiting.due = None;
                taken.push((group, waiting.tries));
            }
        }
    }

    /// The entries of a group that are not among those seen to; when there are none, the group ends.
    pub(crate) fn rest(&self, group: &Group, seen: &Entries) -> Vec<ReaderEntry> {
        let mut groups = self.groups.lock();
        let Some(waiting) = groups.all.get(group) else { return Vec::new() };
        let new = waiting.entries.iter().filter(|(part, entry)| seen.get(part) != Some(*entry));
        let new: Vec<ReaderEntry> = new.map(|(_, entry)| entry.clone()).collect();
        if new.is_empty() {
            groups.all.remove(group);
        }
        new
    }

    /// Puts a group back, to be tried again later, `first` after the first time.
    pub(crate) fn put_back(&self, group: &Group, seen: Entries, tries: u32, first: Duration) {
        let doubled = first.saturating_mul(2_u32.saturating_pow(tries.min(16)));
        let due = Instant::now() + doubled.min(LAST_WAIT);
        let tries = tries.saturating_add(1);
        let mut groups = self.groups.lock();
        let newer = groups.all.remove(group);
        let newer = newer.inspect(|waiting| {
            if let Some(due) = waiting.due {
                groups.queue.remove(&(due, group.clone()));
            }
        });
        let mut entries = seen;
        entries.extend(newer.into_iter().flat_map(|waiting| waiting.entries));
        groups.add(group.clone(), entries, tries, due);
        drop(groups);
        self.stirred.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use party::KeyId;

    use super::*;

    fn entry(event: u8, part: u32, handle: u8) -> ReaderEntry {
        ReaderEntry {
            consortium: "demo".parse().unwrap(),
            commitment: Commitment([event; 32]),
            body_digest: [0; 32],
            part,
            sealer: "zj-merchant".parse().unwrap(),
            reader: "es-post".parse().unwrap(),
            reader_key: KeyId([0; 16]),
            handle: vec![handle],
            mac: [0; 32],
            wrapped: [0; 48],
            signature: [0; 64],
        }
    }

    fn key(entry: &ReaderEntry) -> EntryKey {
        EntryKey::of(entry)
    }

    #[tokio::test]
    async fn parts_of_one_draw_are_one_group_and_a_newer_draw_takes_over() {
        let inbox = Inbox::default();
        for (event, part, handle) in [(1, 0, 7), (1, 1, 7), (2, 0, 8), (1, 1, 9)] {
            inbox.add(entry(event, part, handle));
        }
        let (due, _) = inbox.take_due(9);
        let mut parts: Vec<(u8, u8, Vec<u32>)> = Vec::new();
        for (group, tries) in due {
            assert_eq!(tries, 0);
            let entries = inbox.rest(&group, &Entries::new());
            let first = &entries[0];
            let numbers = entries.iter().map(|entry| entry.part).collect();
            parts.push((first.commitment.0[0], first.handle[0], numbers));
        }
        parts.sort_unstable();
        assert_eq!(parts, [(1, 7, vec![0]), (1, 9, vec![1]), (2, 8, vec![0])]);
        assert!(inbox.take_due(9).0.is_empty(), "all are under way");
    }

    #[tokio::test]
    async fn what_comes_while_its_group_is_under_way_is_seen_to_with_it() {
        let inbox = Inbox::default();
        inbox.add(entry(1, 0, 7));
        let (group, _) = inbox.take_due(9).0.remove(0);
        let first = inbox.rest(&group, &Entries::new());
        let mut seen: Entries = first.into_iter().map(|entry| (entry.part, entry)).collect();
        inbox.add(entry(1, 1, 7));
        assert!(inbox.take_due(9).0.is_empty(), "nobody else takes it");
        let late = inbox.rest(&group, &seen);
        assert_eq!(late, [entry(1, 1, 7)]);
        seen.extend(late.into_iter().map(|entry| (entry.part, entry)));
        assert!(inbox.rest(&group, &seen).is_empty(), "the group ends");
        inbox.add(entry(1, 2, 7));
        assert_eq!(inbox.take_due(9).0.len(), 1, "what comes later is a group of its own");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_put_back_waits_longer_each_time_and_what_is_removed_not_at_all() {
        let inbox = Inbox::default();
        inbox.add(entry(1, 0, 7));
        for tries in 0..3 {
            let (due, _) = inbox.take_due(9);
            assert_eq!(due.len(), 1);
            let (group, tried) = due[0].clone();
            assert_eq!(tried, tries);
            inbox.put_back(&group, Entries::new(), tried, Duration::from_secs(1));
            let (none, next) = inbox.take_due(9);
            assert!(none.is_empty());
            assert_eq!((next - Instant::now()).as_secs(), 1 << tries);
            tokio::time::sleep_until(next).await;
        }
        inbox.remove(&key(&entry(1, 0, 7)));
        assert!(inbox.take_due(9).0.is_empty());
    }
}
