//! Random steps that are the same in every run and on every machine.

/// Marsaglia's xorshift, from a seed that is not zero.
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`; 0 where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }
}
