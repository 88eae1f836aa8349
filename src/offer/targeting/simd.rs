//! Which slots of a window pass every dimension? The inner loop of the search, 512 slots at once.
//!
//! Called by [`search`](super::search) once per window; the hottest loop of targeting, and the one
//! file that may be `unsafe` (DESIGN §11): LLVM splits `[u64; 8]` into scalars and loses a factor
//! of 15, so the vectors are spelt out. One body is compiled for AVX-512, for AVX2 and for plain
//! words; which one runs is asked of the processor once per index. All memory is reached through
//! checked slices; what is unsafe is only that an instruction must exist.

#![allow(unsafe_code)]

use super::block::Block;
use super::steps::{ABSENT, Window};

/// The widest instructions that this processor and this build have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Level {
    #[default]
    Words,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    pub fn detect() -> Level {
        Level::available().last().copied().unwrap_or(Level::Words)
    }

    /// All that run here, the slowest first.
    pub fn available() -> &'static [Level] {
        #[cfg(target_arch = "x86_64")]
        {
            const LEVELS: [Level; 3] = [Level::Words, Level::Avx2, Level::Avx512];
            return &LEVELS[..1 + usize::from(has_avx2()) + usize::from(has_avx512())];
        }
        #[allow(unreachable_code)]
        &[Level::Words]
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("popcnt")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    has_avx2() && is_x86_feature_detected!("avx512f")
}

/// Lists the blocks that have a slot which is not barred, ascending; returns how many they are.
/// `found` has a block for each of the window's, and takes the slots.
pub fn open(barred: &[Block], found: &mut [Block], live: &mut [u16]) -> usize {
    let mut count = 0;
    for (at, (barred, found)) in barred.iter().zip(found).enumerate() {
        *found = Block(barred.0.map(|word| !word));
        live[count] = at as u16;
        count += usize::from(!found.is_empty());
    }
    count
}

/// Works out which slots of the live blocks pass all steps and none of `less`, of those that were
/// found before.
///
/// The blocks that keep a slot are listed at the front of `live`, and their number is returned; the
/// others' contents mean nothing.
pub fn narrow(level: Level, window: &Window<'_>, found: &mut [Block], live: &mut [u16]) -> usize {
    match level {
        // SAFETY: plain words need no instruction that might be absent.
        Level::Words => unsafe { narrow_with::<Words>(window, found, live) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => {
            assert!(has_avx2());
            // SAFETY: the features were just asked for.
            unsafe { narrow_avx2(window, found, live) }
        }
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => {
            assert!(has_avx512());
            // SAFETY: the features were just asked for.
            unsafe { narrow_avx512(window, found, live) }
        }
    }
}

/// What [`lines`] needs: it writes up to [`AHEAD`] lines that do not count.
pub const LINES_ROOM: usize = Block::SLOTS + AHEAD;
const AHEAD: usize = 4;

/// The lines of the slots whose bits are set in `block`, ascending, and how many they are; a line
/// stands there once for each of its slots. `starts` tells which slots are the first of a line,
/// `before` how many lines start before the block.
pub fn lines(
    level: Level,
    block: &Block,
    starts: &Block,
    before: u32,
    out: &mut [u32; LINES_ROOM],
) -> usize {
    match level {
        Level::Words => lines_with(block, starts, before, out),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 | Level::Avx512 => {
            assert!(has_avx2());
            // SAFETY: the features were just asked for.
            unsafe { lines_bmi(block, starts, before, out) }
        }
    }
}

/// # Safety
/// The processor must have BMI1 and POPCNT.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,popcnt")]
unsafe fn lines_bmi(
    block: &Block,
    starts: &Block,
    before: u32,
    out: &mut [u32; LINES_ROOM],
) -> usize {
    lines_with(block, starts, before, out)
}

/// A word has few bits, mostly, and how many is hard to foretell: so a few are always written.
#[inline(always)]
fn lines_with(block: &Block, starts: &Block, before: u32, out: &mut [u32; LINES_ROOM]) -> usize {
    let (mut count, mut before) = (0, before.wrapping_sub(1));
    for (&word, &starts) in block.0.iter().zip(&starts.0) {
        let mut left = word;
        let mut next = || {
            // The lowest bit that is set, and all below it.
            let upto = left ^ left.wrapping_sub(1);
            left &= left.wrapping_sub(1);
            (before.wrapping_add((starts & upto).count_ones()), left != 0)
        };
        let end = count + word.count_ones() as usize;
        let mut more = false;
        for line in &mut out[count..count + AHEAD] {
            (*line, more) = next();
        }
        count += AHEAD;
        while more {
            (out[count], more) = next();
            count += 1;
        }
        count = end;
        before = before.wrapping_add(starts.count_ones());
    }
    count
}

/// # Safety
/// The processor must have AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn narrow_avx2(window: &Window<'_>, found: &mut [Block], live: &mut [u16]) -> usize {
    // SAFETY: the caller vouches for AVX2, which is all that these lanes use.
    unsafe { narrow_with::<x86::Avx2>(window, found, live) }
}

/// # Safety
/// The processor must have AVX-512 F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn narrow_avx512(window: &Window<'_>, found: &mut [Block], live: &mut [u16]) -> usize {
    // SAFETY: the caller vouches for AVX-512 F, which is all that these lanes use.
    unsafe { narrow_with::<x86::Avx512>(window, found, live) }
}

/// Block after block, all dimensions of each in turn: what is found so far stays in a register, and
/// no read waits for another, so that columns far away are fetched side by side.
///
/// # Safety
/// The processor must have the instructions of `L`.
#[inline(always)]
unsafe fn narrow_with<L: Lanes>(w: &Window<'_>, found: &mut [Block], live: &mut [u16]) -> usize {
    let mut count = 0;
    for read in 0..live.len() {
        let at = live[read];
        let found = &mut found[usize::from(at)];
        // SAFETY: the caller vouches for the instructions of `L`.
        unsafe {
            if let Some(passed) = pass_with::<L>(w, usize::from(at), L::load(found)) {
                L::store(passed, found);
                live[count] = at;
                count += 1;
            }
        }
    }
    count
}

/// The slots of `all` in one block that pass; `None` as soon as there is none.
///
/// # Safety
/// The processor must have the instructions of `L`.
#[inline(always)]
unsafe fn pass_with<L: Lanes>(w: &Window<'_>, at: usize, mut all: L) -> Option<L> {
    // An index that asks nothing has no columns.
    let columns = w.columns.get(w.first + at..).unwrap_or(&[]);
    // SAFETY: the caller vouches for the instructions of `L`.
    unsafe {
        let (fours, rest) = w.plain.as_chunks::<4>();
        for four in fours {
            for plain in four {
                all = L::and(all, L::load(&columns[plain.start as usize]));
            }
            if !L::any(all) {
                return None;
            }
        }
        for plain in rest {
            all = L::and(all, L::load(&columns[plain.start as usize]));
        }
        for step in w.steps {
            let mut pass = L::load(&columns[step.base as usize]);
            for &start in &w.more[step.more.0 as usize..step.more.1 as usize] {
                pass = L::or(pass, L::load(&columns[start as usize]));
            }
            if step.gathered != ABSENT {
                pass = L::or(pass, L::load(&w.gathered[step.gathered as usize + at]));
            }
            all = L::and(all, pass);
            if !L::any(all) {
                return None;
            }
        }
        for &start in w.less {
            all = L::and_not(all, L::load(&columns[start as usize]));
        }
        if let Some(rejected) = w.rejected.get(at) {
            all = L::and_not(all, L::load(rejected));
        }
        L::any(all).then_some(all)
    }
}

/// A register, or several, that hold a block.
///
/// # Safety
/// Every function may be called only where the processor has the instructions that it names.
trait Lanes: Copy {
    unsafe fn load(from: &Block) -> Self;
    unsafe fn store(self, to: &mut Block);
    unsafe fn or(self, other: Self) -> Self;
    unsafe fn and(self, other: Self) -> Self;
    /// `self` without the bits of `other`.
    unsafe fn and_not(self, other: Self) -> Self;
    /// Whether a bit is set.
    unsafe fn any(self) -> bool;
}

/// The plain twin: no instruction that is not everywhere.
#[derive(Clone, Copy)]
struct Words([u64; 8]);

impl Lanes for Words {
    #[inline(always)]
    unsafe fn load(from: &Block) -> Self {
        Words(from.0)
    }
    #[inline(always)]
    unsafe fn store(self, to: &mut Block) {
        to.0 = self.0;
    }
    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        Words(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }
    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        Words(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }
    #[inline(always)]
    unsafe fn and_not(self, other: Self) -> Self {
        Words(std::array::from_fn(|i| self.0[i] & !other.0[i]))
    }
    #[inline(always)]
    unsafe fn any(self) -> bool {
        self.0.iter().fold(0, |all, word| all | word) != 0
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Block, Lanes};

    #[derive(Clone, Copy)]
    pub struct Avx2(__m256i, __m256i);

    // SAFETY (all of it): the trait's contract gives AVX2; a block is 64 bytes, aligned to 64, so
    // both its halves may be loaded and stored aligned.
    impl Lanes for Avx2 {
        #[inline(always)]
        unsafe fn load(from: &Block) -> Self {
            let half = from.0.as_ptr().cast::<__m256i>();
            unsafe { Avx2(_mm256_load_si256(half), _mm256_load_si256(half.add(1))) }
        }
        #[inline(always)]
        unsafe fn store(self, to: &mut Block) {
            let half = to.0.as_mut_ptr().cast::<__m256i>();
            unsafe {
                _mm256_store_si256(half, self.0);
                _mm256_store_si256(half.add(1), self.1);
            }
        }
        #[inline(always)]
        unsafe fn or(self, other: Self) -> Self {
            unsafe { Avx2(_mm256_or_si256(self.0, other.0), _mm256_or_si256(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn and(self, other: Self) -> Self {
            unsafe { Avx2(_mm256_and_si256(self.0, other.0), _mm256_and_si256(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn and_not(self, other: Self) -> Self {
            unsafe {
                let low = _mm256_andnot_si256(other.0, self.0);
                Avx2(low, _mm256_andnot_si256(other.1, self.1))
            }
        }
        #[inline(always)]
        unsafe fn any(self) -> bool {
            unsafe {
                let both = _mm256_or_si256(self.0, self.1);
                _mm256_testz_si256(both, both) == 0
            }
        }
    }

    #[derive(Clone, Copy)]
    pub struct Avx512(__m512i);

    // SAFETY (all of it): the trait's contract gives AVX-512 F; a block is 64 bytes, aligned to
    // 64, so it may be loaded and stored aligned.
    impl Lanes for Avx512 {
        #[inline(always)]
        unsafe fn load(from: &Block) -> Self {
            unsafe { Avx512(_mm512_load_si512(from.0.as_ptr().cast())) }
        }
        #[inline(always)]
        unsafe fn store(self, to: &mut Block) {
            unsafe { _mm512_store_si512(to.0.as_mut_ptr().cast(), self.0) }
        }
        #[inline(always)]
        unsafe fn or(self, other: Self) -> Self {
            unsafe { Avx512(_mm512_or_si512(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn and(self, other: Self) -> Self {
            unsafe { Avx512(_mm512_and_si512(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn and_not(self, other: Self) -> Self {
            unsafe { Avx512(_mm512_andnot_si512(other.0, self.0)) }
        }
        #[inline(always)]
        unsafe fn any(self) -> bool {
            unsafe { _mm512_test_epi64_mask(self.0, self.0) != 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::{Plain, Step};
    use super::*;
    use crate::base::stdx::rng::Rng;

    /// Random columns, thin and thick, some blocks empty.
    fn columns(rng: &mut Rng, blocks: usize) -> Vec<Block> {
        let block = |rng: &mut Rng| match rng.below(4) {
            0 => Block::NONE,
            1 => Block(std::array::from_fn(|_| rng.next_u64() & rng.next_u64() & rng.next_u64())),
            _ => Block(std::array::from_fn(|_| rng.next_u64() | rng.next_u64())),
        };
        (0..blocks).map(|_| block(rng)).collect()
    }

    #[test]
    fn all_levels_find_the_same() {
        let mut rng = Rng::new(512);
        for round in 0..if cfg!(miri) { 1 } else { 2_000 } {
            let (stride, first) = (40, rng.below(8));
            let width = 1 + rng.below(32);
            let columns = columns(&mut rng, stride * 20);
            let column = |rng: &mut Rng| (rng.below(20) * stride) as u32;
            let more: Vec<u32> = (0..rng.below(12)).map(|_| column(&mut rng)).collect();
            let less: Vec<u32> = (0..rng.below(3)).map(|_| column(&mut rng)).collect();
            let steps: Vec<Step> = (0..rng.below(6))
                .map(|_| {
                    let from = rng.below(more.len() + 1);
                    let to = from + rng.below(more.len() + 1 - from);
                    let gathered = if rng.chance(0.5) { ABSENT } else { rng.below(100) as u32 };
                    let base = column(&mut rng);
                    Step { base, more: (from as u32, to as u32), gathered, passing: 0 }
                })
                .collect();
            let plain: Vec<Plain> = (0..rng.below(3) * rng.below(5))
                .map(|_| Plain { start: column(&mut rng), passing: 0 })
                .collect();
            let barred = &columns[rng.below(20) * stride..][..width];
            let (columns, more, less) = (&columns[..], &more, &less);
            let (plain, steps) = (&plain, &steps);
            let gathered = columns;
            let rejected = if rng.chance(0.5) { columns } else { &[][..] };
            let window = Window { columns, gathered, rejected, plain, steps, more, less, first };
            let run = |level| {
                let (mut found, mut live) = (vec![Block::NONE; width], vec![0; width]);
                let opened = open(barred, &mut found, &mut live);
                let count = narrow(level, &window, &mut found, &mut live[..opened]);
                live.truncate(count);
                live.into_iter().map(|at| (at, found[at as usize])).collect::<Vec<_>>()
            };
            let plain = run(Level::Words);
            assert!(plain.iter().all(|(_, block)| *block != Block::NONE), "round {round}");
            for &level in Level::available() {
                assert_eq!(run(level), plain, "round {round}, {level:?}");
            }
        }
    }

    #[test]
    fn without_a_step_every_slot_passes_that_is_not_barred() {
        let barred = [Block::ALL, Block([0, 1, 0, 0, 0, 0, 0, 1])];
        let (columns, gathered, rejected) = (&[], &[], &[]);
        let (plain, steps, more, less) = (&[], &[], &[], &[]);
        let window = Window { columns, gathered, rejected, plain, steps, more, less, first: 0 };
        for &level in Level::available() {
            let (mut found, mut live) = ([Block::NONE; 2], [7; 2]);
            let count = open(&barred, &mut found, &mut live);
            assert_eq!(narrow(level, &window, &mut found, &mut live[..count]), 1);
            assert_eq!((found[1], live[0]), (Block(barred[1].0.map(|word| !word)), 1));
        }
    }

    #[test]
    fn all_levels_count_the_same_lines() {
        let mut rng = Rng::new(64);
        let blocks: Vec<Block> = [Block::NONE, Block::ALL]
            .into_iter()
            .chain(columns(&mut rng, if cfg!(miri) { 1 } else { 100 }))
            .collect();
        for block in &blocks {
            let starts = rng.pick(&blocks).unwrap();
            let set = |block: &Block, slot: usize| block.0[slot / 64] & 1 << (slot % 64) != 0;
            let line = |slot| 1_024 + (0..=slot).filter(|&at| set(starts, at)).count() as u32 - 1;
            let expected: Vec<u32> =
                (0..Block::SLOTS).filter(|&slot| set(block, slot)).map(line).collect();
            for &level in Level::available() {
                let mut out = [0; LINES_ROOM];
                let count = lines(level, block, starts, 1_024, &mut out);
                assert_eq!(out[..count], expected, "{level:?}");
            }
        }
    }
}
