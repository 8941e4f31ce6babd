//! The loss of power, as the files of an SQLite database see it. What the disk was told to keep, and said that it has, is there. Of what was
//! written since, each sector is there as any of the writes left it, or as it was before, and the file may be as long as it ever was since.
//!
//! A library that is loaded before the C library (`power.c`) notes what each write replaces, and each sync. When the server is killed, what was not
//! synced is taken back by these notes: everything, or sector by sector as chance will have it.

use crate::seeded::Seeded;
use anyhow::{Result, ensure};
use authgent_tests::preload::library;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;
/// The length of a note, and the kind of one that is about a sync.
const NOTE: usize = 48;
const SYNC: usize = 1;

/// What the disk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    /// It has what it says that it has.
    Honest,
    /// It says so at once, and has nothing of it when the power goes.
    Lying,
}

/// The machine's power.
#[derive(Debug)]
pub(crate) struct Power {
    disk: Disk,
    seeded: Seeded,
    library: PathBuf,
    notes: PathBuf,
    /// The database, and its write-ahead log.
    files: [PathBuf; 2],
}

/// What the loss of power came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Sectors that were written and not synced.
    pub(crate) unsynced: usize,
    /// How many of them are not as they were written last.
    pub(crate) lost: usize,
}

/// A write, or a change of the length.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    offset: usize,
    length: usize,
    /// How long the file was before.
    size: usize,
    /// What was there, as far as the file went.
    before: Vec<u8>,
}

impl Power {
    /// For the database `authgent.db` in `directory`.
    pub(crate) fn of(disk: Disk, seeded: Seeded, directory: &Path) -> Result<Self> {
        // As the kernel calls it.
        let directory = directory.canonicalize()?;
        let database = directory.join("authgent.db");
        let files = [database, directory.join("authgent.db-wal")];
        let library = library("power", include_str!("power.c"), &directory)?;
        Ok(Self { disk, seeded, library, notes: directory.join("power.notes"), files })
    }

    /// What every program is started with that uses the database.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.display().to_string();
        let mut variables = vec![
            ("LD_PRELOAD", text(&self.library)),
            ("CRASH_POWER_DATABASE", text(&self.files[0])),
            ("CRASH_POWER_NOTES", text(&self.notes)),
        ];
        if self.disk == Disk::Lying {
            variables.push(("CRASH_POWER_LIES", "1".to_owned()));
        }
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// That the library is loaded, and sees the database.
    pub(crate) fn ensure_noted(&self) -> Result<()> {
        let noted = std::fs::metadata(&self.notes).map_or(0, |notes| notes.len());
        ensure!(
            noted > 0,
            "nothing was noted of what the server wrote: is it linked with the C library of this system?"
        );
        Ok(())
    }

    /// The server is killed, and the power is gone: leaves in the files what the disk has.
    pub(crate) fn lose(&mut self) -> Result<Lost> {
        let notes = match std::fs::read(&self.notes) {
            // A start that was killed may not have come so far.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Lost::default()),
            notes => notes?,
        };
        let mut all = Lost::default();
        for (changes, file) in unsynced(&notes)?.iter().zip(&self.files).filter(|(changes, _)| !changes.is_empty()) {
            let (content, lost) = left(std::fs::read(file)?, changes, &mut self.seeded);
            std::fs::write(file, content)?;
            all = Lost { unsynced: all.unsynced + lost.unsynced, lost: all.lost + lost.lost };
        }
        self.settled()?;
        Ok(all)
    }

    /// From now on, what is in the files is on the disk.
    pub(crate) fn settled(&self) -> Result<()> {
        match std::fs::remove_file(&self.notes) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// The changes of each file that no sync is known to have brought to the disk, in order. The last note may be cut off: then nothing of
/// what it is about was done.
fn unsynced(notes: &[u8]) -> Result<[Vec<Change>; 2]> {
    let (mut changes, mut synced) = ([Vec::new(), Vec::new()], [0, 0]);
    let mut at = 0;
    while let Some(note) = notes.get(at..at + NOTE) {
        let number = |place: usize| -> Result<usize> {
            Ok(usize::try_from(u64::from_ne_bytes(note[place * 8..place * 8 + 8].try_into()?))?)
        };
        let (file, offset, before) = (number(1)?.min(1), number(2)?, number(5)?);
        if number(0)? == SYNC {
            synced[file] = offset.max(synced[file]);
        } else {
            let Some(content) = notes.get(at + NOTE..at + NOTE + before) else { break };
            let (length, size) = (number(3)?, number(4)?);
            changes[file].push((at, Change { offset, length, size, before: content.to_vec() }));
        }
        at += NOTE + before;
    }
    let mut files = synced.into_iter();
    Ok(changes.map(|changes| {
        let synced = files.next().unwrap_or(0);
        changes.into_iter().filter(|(at, _)| *at >= synced).map(|(_, change)| change).collect()
    }))
}

/// What is left of a file that has this content after these changes, none of which is synced.
fn left(content: Vec<u8>, changes: &[Change], seeded: &mut Seeded) -> (Vec<u8>, Lost) {
    let mut sizes = vec![content.len()];
    let ends = changes.iter().flat_map(|change| [change.size, change.offset + change.length]);
    let longest = ends.chain([content.len()]).max().unwrap_or(0).next_multiple_of(SECTOR);
    let mut now = content;
    now.resize(longest, 0);
    let mut before = now.clone();
    // Each sector that was written, as it was at each time, the latest first.
    let mut sectors: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
    for Change { offset, length, size, before: there } in changes.iter().rev() {
        let concerned = offset / SECTOR..(offset + length).div_ceil(SECTOR);
        let sector = |image: &[u8], number: usize| image[number * SECTOR..(number + 1) * SECTOR].to_vec();
        for number in concerned.clone() {
            sectors.entry(number).or_insert_with(|| vec![sector(&before, number)]);
        }
        before[*offset..offset + length].fill(0);
        before[*offset..offset + there.len()].copy_from_slice(there);
        for number in concerned {
            sectors.entry(number).or_default().push(sector(&before, number));
        }
        sizes.push(*size);
    }
    let how = seeded.below(3);
    let mut pick = |versions: usize| match how {
        // Nothing of it has reached the disk.
        0 => versions - 1,
        // Most of it has.
        1 if !seeded.happens(10) => 0,
        _ => seeded.index(versions).unwrap_or(0),
    };
    let mut lost = Lost { unsynced: sectors.len(), lost: 0 };
    for (number, versions) in &sectors {
        let place = &mut now[number * SECTOR..(number + 1) * SECTOR];
        let version = &versions[pick(versions.len())];
        lost.lost += usize::from(place != version);
        place.copy_from_slice(version);
    }
    now.truncate(sizes[pick(sizes.len())]);
    (now, lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: usize, file: u64, [offset, length, size]: [u64; 3], before: &[u8]) -> Vec<u8> {
        let numbers = [kind as u64, file, offset, length, size, before.len() as u64];
        numbers.iter().flat_map(|number| number.to_ne_bytes()).chain(before.iter().copied()).collect()
    }

    #[test]
    fn what_was_written_before_a_sync_began_is_on_the_disk_when_that_has_ended() {
        let first = note(0, 1, [0, 4, 0], b"");
        let second = note(0, 1, [2, 4, 4], b"cd");
        let other = note(0, 0, [0, 1, 9], b"x");
        let began = first.len() as u64;
        let all =
            [&first[..], &second, &other, &note(SYNC, 1, [began, 0, 0], b""), &second[..second.len() - 1]].concat();
        let change = |offset, length, size, before: &[u8]| Change { offset, length, size, before: before.to_vec() };
        let expected = [vec![change(0, 1, 9, b"x")], vec![change(2, 4, 4, b"cd")]];
        assert_eq!(
            unsynced(&all).unwrap(),
            expected,
            "and the last note, which is cut off, is of nothing that was done"
        );
        assert_eq!(unsynced(b"").unwrap(), [vec![], vec![]]);
    }

    /// Four sectors of which the second half of the first one, the second and the third are written, and the file is longer then.
    fn changed() -> (Vec<u8>, Vec<u8>, Vec<Change>) {
        let old = [vec![b'a'; SECTOR], vec![b'b'; SECTOR]].concat();
        let half = SECTOR / 2;
        let written = [vec![b'a'; half], vec![b'n'; half + SECTOR], vec![b'm'; SECTOR]].concat();
        let changes = vec![
            Change { offset: half, length: half + SECTOR, size: 2 * SECTOR, before: old[half..].to_vec() },
            Change { offset: 2 * SECTOR, length: SECTOR, size: 2 * SECTOR, before: vec![] },
        ];
        (old, written, changes)
    }

    #[test]
    fn each_sector_is_new_or_old_and_what_was_not_touched_is_as_it_was() {
        let (old, written, changes) = changed();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let (content, lost) = left(written.clone(), &changes, &mut Seeded::new(seed));
            assert!(content.len() == old.len() || content.len() == written.len());
            let mut differ = 0;
            for (number, sector) in content.chunks(SECTOR).enumerate() {
                let range = number * SECTOR..(number + 1) * SECTOR;
                let before = old.get(range.clone()).map_or(vec![0; SECTOR], <[u8]>::to_vec);
                assert!(sector == before || sector == &written[range.clone()], "seed {seed}, sector {number}");
                differ += usize::from(sector != &written[range]);
            }
            assert!(lost.unsynced == 3 && lost.lost >= differ, "{lost:?}");
            seen.insert(content);
        }
        assert!(seen.contains(&old) && seen.contains(&written) && seen.len() > 8, "{}", seen.len());
    }

    #[test]
    fn a_file_that_was_cut_off_may_be_whole_again() {
        let change = Change { offset: 100, length: 900, size: 1000, before: vec![b'x'; 900] };
        let contents: std::collections::BTreeSet<Vec<u8>> = (0..100)
            .map(|seed| left(vec![b'x'; 100], std::slice::from_ref(&change), &mut Seeded::new(seed)).0)
            .collect();
        assert!(contents.contains(&vec![b'x'; 1000]) && contents.contains(&vec![b'x'; 100]));
    }
}
