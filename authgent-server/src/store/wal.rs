//! Looking at a write-ahead log before SQLite does.
//!
//! SQLite ends its recovery at the first frame that does not add up, without a word: after a power loss that is the end of the log. Where
//! the log was damaged instead, what follows was acknowledged, and would be overwritten. The two are told apart: every commit is
//! synced, so behind frames that a power loss tore there is at most one commit, and never two.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Whether the log beside the database file `path` lost something that was acknowledged. No log has lost nothing. One that grows
/// meanwhile may look damaged: ask twice.
///
/// The last two commits of a log cannot be told from a power loss, nor can a log that was cut off. Its header is synced before anything is
/// written behind it.
pub(super) fn is_damaged(path: &Path) -> io::Result<bool> {
    let mut log_path = path.as_os_str().to_owned();
    log_path.push("-wal");
    let log = match File::open(&log_path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        log => log?,
    };
    if log.metadata()?.len() < (HEADER + FRAME_HEADER) as u64 {
        return Ok(false);
    }
    let Some(page_size) = page_size(path)? else {
        // There is a log before there is a page only where the file was cut off; SQLite would delete the log.
        return Ok(path.metadata()?.len() == 0);
    };
    let mut log = BufReader::with_capacity(1 << 18, log);
    let mut header = [0; HEADER];
    log.read_exact(&mut header)?;
    Walk::new(header, page_size).run(&mut log)
}

/// The size of a page, from the header of the database file; `None` where that cannot be.
fn page_size(path: &Path) -> io::Result<Option<usize>> {
    let mut header = Vec::new();
    File::open(path)?.take(18).read_to_end(&mut header)?;
    let Some(&[high, low]) = header.get(16..18) else { return Ok(None) };
    let size = match u16::from_be_bytes([high, low]) {
        1 => 65_536,
        size => usize::from(size),
    };
    Ok((size >= 512 && size.is_power_of_two()).then_some(size))
}

/// Whether the database file is shorter than its header says. SQLite notices whole pages that are missing, and reads the rest of a page
/// that was cut off as zeros. While there is a log, the header is not the latest.
pub(super) fn is_cut_off(path: &Path) -> io::Result<bool> {
    for suffix in ["-wal", "-journal"] {
        let mut companion = path.as_os_str().to_owned();
        companion.push(suffix);
        if std::fs::metadata(companion).is_ok_and(|metadata| metadata.len() > 0) {
            return Ok(false);
        }
    }
    let Some(page_size) = page_size(path)? else { return Ok(false) };
    let mut header = Vec::new();
    File::open(path)?.take(100).read_to_end(&mut header)?;
    let word = |at: usize| match header.get(at..at + 4) {
        Some(&[a, b, c, d]) => Some(u32::from_be_bytes([a, b, c, d])),
        _ => None,
    };
    // The number of pages counts where it was written with the last change (the file format, section 1.3.7).
    let (Some(pages), true) = (word(28), word(24) == word(92)) else { return Ok(false) };
    let is_database = header.starts_with(b"SQLite format 3\0");
    Ok(is_database && path.metadata()?.len() < u64::from(pages) * page_size as u64)
}

type Sum = (u32, u32);

struct Walk {
    page_size: usize,
    /// The order of the bytes in the words that are summed.
    big_endian: bool,
    /// Of the present round of the log. Unknown where the header is damaged: the first frame tells.
    salts: Option<[u8; 8]>,
    /// What the frame before says is the sum so far.
    sum: Sum,
    /// Whether the header does not add up: then SQLite takes nothing of the log.
    headless: bool,
    /// Whether something did not add up.
    broken: bool,
    /// Whole commits in a row behind what did not.
    commits: u8,
}

impl Walk {
    fn new(header: [u8; HEADER], page_size: usize) -> Self {
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let magic = word(0);
        let big_endian = magic & 1 == 1;
        let sum = (word(24), word(28));
        let sound = magic & !1 == 0x377f_0682 && checksum((0, 0), &header[..24], big_endian) == sum;
        let salts = sound.then(|| [16, 17, 18, 19, 20, 21, 22, 23].map(|at: usize| header[at]));
        Self { page_size, big_endian, salts, sum, headless: !sound, broken: !sound, commits: 0 }
    }

    fn run(mut self, log: &mut impl Read) -> io::Result<bool> {
        let mut frame = vec![0; FRAME_HEADER + self.page_size];
        loop {
            match log.read_exact(&mut frame) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(self.headless),
                read => read?,
            }
            if self.next(&frame) {
                return Ok(true);
            }
        }
    }

    /// Looks at a frame. `true` where it proves the damage.
    fn next(&mut self, frame: &[u8]) -> bool {
        let (header, page) = frame.split_at(FRAME_HEADER);
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let stored = (word(16), word(20));
        let salts = [8, 9, 10, 11, 12, 13, 14, 15].map(|at: usize| header[at]);
        let expected = *self.salts.get_or_insert(salts);
        let adds_up = |big_endian| {
            checksum(checksum(self.sum, &header[..8], big_endian), page, big_endian) == stored && salts == expected
        };
        let mut valid = adds_up(self.big_endian);
        if !valid && self.broken && adds_up(!self.big_endian) {
            // The header, which tells the order, may be what is damaged.
            self.big_endian = !self.big_endian;
            valid = true;
        }
        // Each frame is measured against what the one before says, so that only what is damaged does not add up.
        self.sum = stored;
        if !valid {
            (self.broken, self.commits) = (true, 0);
        } else if self.broken && word(4) != 0 {
            self.commits += 1;
        }
        self.commits >= 2
    }
}

/// The running sum of SQLite's file format, section 4.2. `data` is a multiple of eight bytes.
fn checksum(sum: Sum, data: &[u8], big_endian: bool) -> Sum {
    let word = |bytes: &[u8]| {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    data.chunks_exact(8).fold(sum, |(first, second), pair| {
        let first = first.wrapping_add(word(&pair[..4])).wrapping_add(second);
        (first, second.wrapping_add(word(&pair[4..])).wrapping_add(first))
    })
}
