//! What backtracking takes back beside the bindings of variables: maps with an undo log, and the facts that are kept in them.

use std::ops::Deref;
use std::rc::Rc;

use crate::base::FxHashMap;
use crate::bodies::branches::Branching;
use crate::bodies::closures::Opened;
use crate::bodies::keypaths::Resolution;
use crate::items::hir::ExprId;
use crate::types::ty::Ty;

use super::Resolved;
use super::calls::CallMatch;

/// A map by expressions that remembers what each insertion replaced. Reading goes to the map itself.
#[derive(Clone)]
pub struct Logged<V> {
    map: FxHashMap<ExprId, V>,
    log: Vec<(ExprId, Option<V>)>,
}

impl<V> Default for Logged<V> {
    fn default() -> Logged<V> {
        Logged {
            map: FxHashMap::default(),
            log: Vec::new(),
        }
    }
}

impl<V> Deref for Logged<V> {
    type Target = FxHashMap<ExprId, V>;

    fn deref(&self) -> &FxHashMap<ExprId, V> {
        &self.map
    }
}

impl<V: Clone> Logged<V> {
    /// Sets an entry.
    pub fn insert(&mut self, key: ExprId, value: V) {
        let old = self.map.insert(key, value);
        self.log.push((key, old));
    }

    /// The present moment, to be returned to by [`Logged::rollback`].
    pub fn snapshot(&self) -> usize {
        self.log.len()
    }

    /// Takes back every insertion after the moment.
    pub fn rollback(&mut self, to: usize) {
        while self.log.len() > to {
            match self.log.pop() {
                Some((key, Some(old))) => drop(self.map.insert(key, old)),
                Some((key, None)) => drop(self.map.remove(&key)),
                None => break,
            }
        }
    }

    /// The entries that were set after the moment, as they are now.
    pub fn since(&self, from: usize) -> Vec<(ExprId, V)> {
        self.log[from.min(self.log.len())..]
            .iter()
            .filter_map(|(key, _)| Some((*key, self.map.get(key)?.clone())))
            .collect()
    }

    /// Sets entries that [`Logged::since`] gave.
    pub fn replay(&mut self, entries: Vec<(ExprId, V)>) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

macro_rules! facts {
    ($($(#[$doc:meta])* $field:ident: $ty:ty,)*) => {
        /// What solving an expression found out, beside types.
        #[derive(Clone, Default)]
        pub struct Facts {
            $($(#[$doc])* pub $field: Logged<$ty>,)*
        }

        /// A moment of [`Facts`].
        #[derive(Clone, Copy)]
        pub struct FactsMark {
            $($field: usize,)*
        }

        /// The facts that were found after a moment.
        pub struct FactsDelta {
            $(pub $field: Vec<(ExprId, $ty)>,)*
        }

        impl Facts {
            /// The present moment.
            pub fn snapshot(&self) -> FactsMark {
                FactsMark { $($field: self.$field.snapshot(),)* }
            }

            /// Forgets what was found after the moment.
            pub fn rollback(&mut self, to: FactsMark) {
                $(self.$field.rollback(to.$field);)*
            }

            /// What was found after the moment.
            pub fn since(&self, from: FactsMark) -> FactsDelta {
                FactsDelta { $($field: self.$field.since(from.$field),)* }
            }

            /// Makes what was forgotten known again.
            pub fn replay(&mut self, delta: FactsDelta) {
                $(self.$field.replay(delta.$field);)*
            }
        }
    };
}

facts! {
    /// What each name, member, operator and call means.
    choices: Rc<Resolved>,
    /// How the arguments of each call meet its parameters.
    calls: Rc<CallMatch>,
    /// The type of each expression.
    types: Ty,
    /// Closures that were opened.
    closures: Rc<Opened>,
    /// Key paths whose components are known.
    key_paths: Rc<Resolution>,
    /// The result builders that closures go through.
    builders: Ty,
    /// The types that casts are to.
    targets: Ty,
    /// `if`, `switch` and `do` that are values.
    branchings: Rc<Branching>,
}
