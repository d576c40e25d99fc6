//! Operators and precedence groups: what folds `a + b * c` into a tree.
//!
//! The table is the union of a module's own declarations and those of the modules that it imports. It changes only when an operator or
//! precedence group is declared differently, so that bodies, which are folded with it, do not depend on other files otherwise.

use crate::base::{FxHashMap, Name};
use crate::items::tree::{Associativity, Fixity, PrecedenceGroupItem};

/// The operators and precedence groups that a file sees.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OperatorTable {
    /// Infix operators: the name of their group; none for one declared without a group.
    pub infix: FxHashMap<Name, Option<Name>>,
    /// Declared prefix operators.
    pub prefix: FxHashMap<Name, ()>,
    /// Declared postfix operators.
    pub postfix: FxHashMap<Name, ()>,
    groups: FxHashMap<Name, Group>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    associativity: Associativity,
    assignment: bool,
    /// Every group that binds less tightly, transitively.
    above: Vec<Name>,
}

/// What stands between two operands, as far as folding cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OperatorInfo {
    /// The precedence group; none is `DefaultPrecedence`.
    pub group: Option<Name>,
    /// How equals associate.
    pub associativity: Associativity,
    /// Whether the operator assigns, so that it is taken into an optional chain on its left.
    pub assignment: bool,
}

/// How tightly one operator binds compared with the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binding {
    /// The left operator takes the operand between them.
    Left,
    /// The right operator takes it.
    Right,
    /// The groups are unordered, or equal without associativity: parentheses are needed.
    Ambiguous,
}

impl OperatorTable {
    /// Builds the table from declarations; earlier declarations win where names repeat (a module's own come first).
    pub fn new<'a>(
        operators: impl Iterator<Item = (Name, Fixity, Option<Name>)>,
        groups: impl Iterator<Item = (Name, &'a PrecedenceGroupItem)>,
    ) -> OperatorTable {
        let mut table = OperatorTable::default();
        for (name, fixity, group) in operators {
            match fixity {
                Fixity::Infix => {
                    table.infix.entry(name).or_insert(group);
                }
                Fixity::Prefix => {
                    table.prefix.insert(name, ());
                }
                Fixity::Postfix => {
                    table.postfix.insert(name, ());
                }
            }
        }
        let mut declared: FxHashMap<Name, &PrecedenceGroupItem> = FxHashMap::default();
        for (name, group) in groups {
            declared.entry(name).or_insert(group);
        }
        // `lowerThan` is `higherThan` read from the other side.
        let mut lower: FxHashMap<Name, Vec<Name>> = FxHashMap::default();
        for (&name, group) in &declared {
            lower.entry(name).or_default().extend(&group.higher_than);
            for &higher in &group.lower_than {
                lower.entry(higher).or_default().push(name);
            }
        }
        for (&name, group) in &declared {
            let mut above: Vec<Name> = Vec::new();
            let mut queue = vec![name];
            while let Some(next) = queue.pop() {
                for &below in lower.get(&next).map_or(&[][..], |l| l) {
                    if !above.contains(&below) {
                        above.push(below);
                        queue.push(below);
                    }
                }
            }
            above.sort();
            let (associativity, assignment) = (group.associativity, group.assignment);
            table.groups.insert(
                name,
                Group {
                    associativity,
                    assignment,
                    above,
                },
            );
        }
        table
    }

    /// What folding needs to know of the infix operator `name`; none where it is not declared.
    pub fn infix(&self, name: Name) -> Option<OperatorInfo> {
        Some(self.info(*self.infix.get(&name)?))
    }

    /// The same for a group: `TernaryPrecedence`, `CastingPrecedence`, `AssignmentPrecedence` of the operators that are part of the grammar.
    pub fn info(&self, group: Option<Name>) -> OperatorInfo {
        let known = group.and_then(|g| self.groups.get(&g));
        OperatorInfo {
            group,
            associativity: known.map_or(Associativity::None, |g| g.associativity),
            assignment: known.is_some_and(|g| g.assignment),
        }
    }

    /// Which of two neighbouring operators takes the operand between them.
    pub fn compare(&self, left: OperatorInfo, right: OperatorInfo) -> Binding {
        if left.group == right.group {
            return match left.associativity {
                Associativity::Left => Binding::Left,
                Associativity::Right => Binding::Right,
                Associativity::None => Binding::Ambiguous,
            };
        }
        let default = Name::new("DefaultPrecedence");
        let (l, r) = (
            left.group.unwrap_or(default),
            right.group.unwrap_or(default),
        );
        if self
            .groups
            .get(&l)
            .is_some_and(|g| g.above.binary_search(&r).is_ok())
        {
            Binding::Left
        } else if self
            .groups
            .get(&r)
            .is_some_and(|g| g.above.binary_search(&l).is_ok())
        {
            Binding::Right
        } else {
            Binding::Ambiguous
        }
    }
}
