//! Hashing for `Hasher`: SipHash-1-3, keyed per process.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::{libc, strings, system};

/// The state of a hasher, as the library's `Hasher` stores it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct State {
    v: [u64; 4],
    /// Up to seven bytes that do not fill a word yet.
    tail: u64,
    /// The number of bytes so far.
    length: u64,
}

impl State {
    pub fn new(key0: u64, key1: u64) -> Self {
        let v = [
            key0 ^ 0x736f_6d65_7073_6575,
            key1 ^ 0x646f_7261_6e64_6f6d,
            key0 ^ 0x6c79_6765_6e65_7261,
            key1 ^ 0x7465_6462_7974_6573,
        ];
        State {
            v,
            tail: 0,
            length: 0,
        }
    }

    #[inline]
    fn round(&mut self) {
        let [a, b, c, d] = &mut self.v;
        *a = a.wrapping_add(*b);
        *b = b.rotate_left(13) ^ *a;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*d);
        *d = d.rotate_left(16) ^ *c;
        *a = a.wrapping_add(*d);
        *d = d.rotate_left(21) ^ *a;
        *c = c.wrapping_add(*b);
        *b = b.rotate_left(17) ^ *c;
        *c = c.rotate_left(32);
    }

    #[inline]
    fn absorb(&mut self, word: u64) {
        self.v[3] ^= word;
        self.round();
        self.v[0] ^= word;
    }

    /// Adds the low `count` bytes of a word, 1 to 8.
    #[inline]
    pub fn add(&mut self, word: u64, count: u64) {
        let held = self.length & 7;
        self.length = self.length.wrapping_add(count);
        let word = if count == 8 {
            word
        } else {
            word & ((1 << (8 * count)) - 1)
        };
        let joined = self.tail | word << (8 * held);
        if held + count < 8 {
            self.tail = joined;
            return;
        }
        self.absorb(joined);
        // What did not fit into the word; with nothing held the shift would be by the whole width.
        self.tail = if held == 0 {
            0
        } else {
            word >> (8 * (8 - held))
        };
    }

    pub fn add_bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for &word in words {
            self.add(u64::from_le_bytes(word), 8);
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.add(u64::from_le_bytes(last), rest.len() as u64);
        }
    }

    /// Adds text so that canonically equivalent texts add the same; the end mark keeps neighbours apart.
    pub fn add_text(&mut self, text: &str) {
        strings::for_each_nfc_part(text, |part| self.add_bytes(part));
        self.add(0xff, 1);
    }

    pub fn finish(mut self) -> u64 {
        self.absorb(self.length << 56 | self.tail);
        self.v[2] ^= 0xff;
        self.round();
        self.round();
        self.round();
        self.v.iter().fold(0, |all, word| all ^ word)
    }
}

static KEYS: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
/// 0 not chosen yet, 1 random, 2 fixed.
static KEY_KIND: AtomicU8 = AtomicU8::new(0);

#[cold]
unsafe fn choose_keys() -> u8 {
    let kind = if libc::getenv(c"CODIRA_DETERMINISTIC_HASHING".as_ptr().cast()).is_null() {
        let mut keys = [0_u64; 2];
        system::codira_random_bytes(keys.as_mut_ptr().cast(), 16);
        // The first thread that gets here decides.
        for (key, value) in KEYS.iter().zip(keys) {
            let _ = key.compare_exchange(0, value | 1, Ordering::Relaxed, Ordering::Relaxed);
        }
        1
    } else {
        2
    };
    KEY_KIND.store(kind, Ordering::Release);
    kind
}

fn key_kind() -> u8 {
    let kind = KEY_KIND.load(Ordering::Acquire);
    // SAFETY: reading the environment and random bytes has no preconditions here.
    if kind == 0 {
        unsafe { choose_keys() }
    } else {
        kind
    }
}

fn start(seed: u64) -> State {
    key_kind();
    State::new(
        KEYS[0].load(Ordering::Relaxed) ^ seed,
        KEYS[1].load(Ordering::Relaxed),
    )
}

#[unsafe(no_mangle)]
pub extern "C" fn codira_hash_is_deterministic() -> u8 {
    u8::from(key_kind() == 2)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_hasher_init(state: *mut State, seed: u64) {
    *state = start(seed);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_hasher_combine_u64(state: *mut State, value: u64) {
    (*state).add(value, 8);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_hasher_combine_small(state: *mut State, value: u64, bytes: u64) {
    (*state).add(value, bytes);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_hasher_combine_bytes(
    state: *mut State,
    bytes: *const u8,
    length: u64,
) {
    (*state).add_bytes(
        super::metadata::Text {
            start: bytes,
            length,
        }
        .bytes(),
    );
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_hasher_combine_string(
    state: *mut State,
    text: *const u8,
    length: u64,
) {
    (*state).add_text(strings::text(text, length));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_hasher_finish(state: *const State) -> u64 {
    (*state).finish()
}

#[unsafe(no_mangle)]
pub extern "C" fn codira_hash_u64(value: u64, seed: u64) -> u64 {
    let mut state = start(seed);
    state.add(value, 8);
    state.finish()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn codira_hash_string(text: *const u8, length: u64, seed: u64) -> u64 {
    let mut state = start(seed);
    state.add_text(strings::text(text, length));
    state.finish()
}
